//! The built-in sample, the split and the order of the batches.

use std::collections::HashSet;

use autoencode::data::{self, Batches, Images, Source};
use autoencode::recipe::NamedSet;
use candle_core::Device;

/// How often each label occurs.
fn histogram<'a>(labels: impl IntoIterator<Item = &'a u32>) -> [usize; 10] {
    let mut counts = [0; 10];
    for &label in labels {
        counts[label as usize] += 1;
    }
    counts
}

#[test]
fn the_sample_is_balanced_and_split() {
    let sample = data::load(&Source::Set(NamedSet::Sample), false).unwrap();
    assert_eq!(sample.train.len(), 9_000);
    assert_eq!(sample.validation.len(), 1_000);
    assert_eq!(sample.test.len(), 2_000);
    for part in [&sample.train, &sample.validation, &sample.test] {
        assert_eq!(part.shape(), (1, 28, 28));
        assert_eq!(part.pixels().len(), part.len() * 784);
    }
    let drawn = sample
        .train
        .labels()
        .iter()
        .chain(sample.validation.labels());
    assert_eq!(histogram(drawn), [1_000; 10]);
    assert_eq!(histogram(sample.test.labels()), [200; 10]);
    assert!(sample.origin.is_sample());
    assert_eq!(
        sample.origin.to_string(),
        "the built-in sample of MNIST (10,000 + 2,000 digits)"
    );
    assert_eq!(sample.origin.notice(), None);
}

/// Digits, not noise: a dark border, and a mean brightness near that of MNIST (0.1307).
#[test]
fn the_sample_holds_digits() {
    let sample = data::load(&Source::Set(NamedSet::Sample), true).unwrap();
    let pixels = sample.train.pixels();
    let mean =
        pixels.iter().map(|&byte| f64::from(byte)).sum::<f64>() / pixels.len() as f64 / 255.0;
    assert!((mean - 0.1307).abs() < 0.002, "{mean}");
    for index in 0..sample.train.len() {
        let image = sample.train.image(index).unwrap();
        assert!(image.iter().any(|&byte| byte > 200));
        assert!(image[..28].iter().all(|&byte| byte < 128));
    }
}

#[test]
fn the_parts_are_disjoint_and_the_split_is_the_same_every_time() {
    let first = data::load(&Source::Set(NamedSet::Sample), true).unwrap();
    let again = data::load(&Source::Set(NamedSet::Sample), true).unwrap();
    assert_eq!(first.validation, again.validation);
    assert_eq!(first.train, again.train);
    let images = |images: &Images| -> HashSet<Vec<u8>> {
        (0..images.len())
            .map(|i| images.image(i).unwrap().to_vec())
            .collect()
    };
    let (train, validation, test) = (
        images(&first.train),
        images(&first.validation),
        images(&first.test),
    );
    assert!(train.is_disjoint(&validation));
    assert!(train.is_disjoint(&test));
    assert!(validation.is_disjoint(&test));
}

#[test]
fn an_epoch_uses_every_sample_once() {
    let batches: Vec<_> = Batches::new(1_003, 100, 5, 2).unwrap().collect();
    assert_eq!(batches.len(), 11);
    assert!(batches[..10].iter().all(|batch| batch.len() == 100));
    assert_eq!(batches[10].len(), 3);
    let mut all = batches.concat();
    assert_ne!(all, (0..1_003).collect::<Vec<_>>());
    all.sort_unstable();
    assert_eq!(all, (0..1_003).collect::<Vec<_>>());
}

#[test]
fn the_order_follows_seed_and_epoch() {
    let order = |seed, epoch| {
        Batches::new(500, 64, seed, epoch)
            .unwrap()
            .collect::<Vec<_>>()
    };
    assert_eq!(order(1, 1), order(1, 1));
    assert_ne!(order(1, 1), order(1, 2));
    assert_ne!(order(1, 1), order(2, 1));
}

#[test]
fn an_epoch_resumes_at_any_batch() {
    let batches = || Batches::new(250, 60, 9, 0).unwrap();
    assert_eq!(batches().len(), 5);
    let all: Vec<_> = batches().collect();
    for done in 0..7 {
        let rest = batches().skip(done);
        assert_eq!(rest.len(), 5_usize.saturating_sub(done));
        assert_eq!(rest.collect::<Vec<_>>(), all[done.min(5)..]);
    }
    assert!(batches().nth(usize::MAX).is_none());
    assert_eq!(Batches::new(0, 4, 0, 0).unwrap().next(), None);
    let error = Batches::new(5, 0, 0, 0).unwrap_err();
    assert!(
        error.is_input() && error.to_string().contains("batch size"),
        "{error}"
    );
}

#[test]
fn a_batch_is_a_tensor_of_values_from_0_to_1() {
    let images = Images::new((1, 2, 3), (0..=17).map(|v| v * 15).collect(), vec![7, 8, 9]).unwrap();
    let batch = images.batch(&[2, 0], &Device::Cpu).unwrap();
    assert_eq!(batch.dims(), [2, 1, 2, 3]);
    let values = batch.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    let expected: Vec<f32> = [12, 13, 14, 15, 16, 17, 0, 1, 2, 3, 4, 5]
        .map(|v| f32::from(v * 15_u8) / 255.0)
        .to_vec();
    assert_eq!(values, expected);
    assert_eq!(values[5], 1.0);
    let subset = images.subset(&[1, 1]).unwrap();
    assert_eq!(subset.labels(), [8, 8]);
    assert_eq!(subset.image(1), images.image(1));
    assert_eq!(images.image(3), None);
    for error in [
        images.batch(&[3], &Device::Cpu).unwrap_err(),
        images.subset(&[u32::MAX]).unwrap_err(),
    ] {
        assert!(error.to_string().contains("expected below 3"), "{error}");
    }
}

#[test]
fn images_that_do_not_fit_their_labels_are_refused() {
    for (shape, pixels, labels) in [
        ((1, 2, 2), 8, 3),
        ((0, 2, 2), 0, 3),
        ((usize::MAX, 2, 2), 8, 2),
        ((1, usize::MAX, 1), 8, 2),
    ] {
        assert!(
            Images::new(shape, vec![0; pixels], vec![0; labels]).is_err(),
            "{shape:?}"
        );
    }
}
