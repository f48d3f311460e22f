//! Batches of the device against those of the host.

use super::*;
use crate::data::{Images, Keys};
use crate::device::cuda::device_under_test;
use crate::random::Purpose;
use crate::recipe::{Draw, Noise};

/// A step with samples prepared like this.
pub fn step<'a>(indices: &'a [u32], preparation: &Preparation) -> StepSpec<'a> {
    StepSpec {
        indices,
        keys: Keys::training(preparation, 1 << 40 | 5, 3),
        latent_key: NoiseKey {
            seed: 9,
            purpose: Purpose::Latent,
            epoch: 70_000,
        },
        kl_weight: 1.0,
        learning_rate: 1.0,
    }
}

fn host_source(device: &Device, shape: (usize, usize, usize), count: usize) -> HostSource {
    let pixels = (0..count * shape.0 * shape.1 * shape.2).map(|i| (i * 37 % 256) as u8);
    HostSource {
        images: Images::new(shape, pixels.collect(), vec![0; count]).unwrap(),
        preparation: Preparation::default(),
        latent: None,
        device: device.clone(),
    }
}

#[test]
fn batches_are_those_of_the_host_to_the_bit() {
    let Some(device) = device_under_test() else {
        return;
    };
    // An odd number of values: the last one of a sample has no pair.
    let mut host = host_source(&device, (3, 3, 5), 40);
    let mut source = CudaSource::new(&host).unwrap().unwrap();
    let mut corruptions = vec![Corruption::None];
    for factor in [Strength::Fixed(0.3), Strength::Range([0.1, 0.6])] {
        for (target, added) in [
            (Target::Clean, false),
            (Target::Corrupted, false),
            (Target::Clean, true),
            (Target::Corrupted, true),
        ] {
            let noise = Noise {
                factor,
                draw: Draw::EveryEpoch,
                target,
                added,
                clip: true,
            };
            corruptions.extend([
                Corruption::Gaussian(noise),
                Corruption::Gaussian(Noise {
                    clip: false,
                    ..noise
                }),
                Corruption::SaltAndPepper(noise),
                Corruption::Masking(noise),
            ]);
        }
    }
    let mut previous = None;
    for corruption in corruptions {
        for binarization in [
            Binarization::None,
            Binarization::Threshold,
            Binarization::EveryEpoch,
        ] {
            let preparation = Preparation {
                binarization,
                corruption,
                ..Preparation::default()
            };
            (host.preparation, source.preparation) = (preparation, preparation);
            let last = preparation.samples(source.count) as u32 - 1;
            let indices = [7, 39, last, 0, 12];
            let spec = step(&indices, &preparation);
            let expected = host.batch(None, &spec).unwrap();
            let found = source.batch(previous.take(), &spec).unwrap();
            let compared = compare(&found, &expected);
            assert!(compared.is_ok(), "{preparation:?}: {compared:?}");
            previous = Some(found);
            let outside = [last + 1];
            let outside = source.batch(None, &step(&outside, &preparation));
            outside.unwrap_err();
        }
    }
}

#[test]
fn normal_noise_is_that_of_the_host_to_the_bit() {
    let Some(device) = device_under_test() else {
        return;
    };
    let mut host = host_source(&device, (1, 2, 2), 1000);
    let mut source = CudaSource::new(&host).unwrap().unwrap();
    let indices: Vec<u32> = (0..1000).collect();
    for latent in [1, 2, 7, 67] {
        (host.latent, source.latent) = (Some(latent), Some(latent));
        let spec = step(&indices, &host.preparation);
        source.try_out(&mut host, &spec).unwrap();
    }
}

#[test]
fn batches_that_are_not_those_of_the_host_are_not_taken() {
    let Some(device) = device_under_test() else {
        return;
    };
    let host = |value, latent| HostSource {
        images: Images::new((1, 1, 2), vec![value; 16], vec![0; 8]).unwrap(),
        latent,
        ..host_source(&device, (1, 1, 2), 8)
    };
    let spec = step(&[7, 0, 3], &Preparation::default());
    for (other, latent, kernel) in [
        (5, Some(3), None),
        (5, None, None),
        (6, None, Some("prepare_batch: ")),
        (5, Some(2), Some("fill_normal: ")),
    ] {
        let mut source = CudaSource::new(&host(5, Some(3))).unwrap().unwrap();
        source.latent = latent.and(Some(3));
        let tried = source.try_out(&mut host(other, latent), &spec);
        match kernel {
            None => tried.unwrap(),
            Some(kernel) => {
                let message = tried.unwrap_err().to_string();
                assert!(message.contains(kernel), "{message}");
            }
        }
    }
}
