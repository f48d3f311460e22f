//! The operations against finite differences, their compositions, any number of threads, and what
//! they refuse.

use autoencode::{Error, Result, ops};
use candle_core::{DType, Device, Shape, Tensor, Var};
use ops::composed;

/// Numbers in about -1.2..1.2 without a pattern, the same for the same seed.
fn numbers(shape: impl Into<Shape>, seed: u64) -> Tensor {
    let shape = shape.into();
    let values = (0..shape.elem_count() as u64).map(|index| {
        let mixed = (index + 1000 * seed + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        2.4 * ((mixed >> 11) as f64 / (1u64 << 53) as f64 - 0.5)
    });
    let values: Vec<f64> = values.collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn values(tensor: &Tensor) -> Vec<f64> {
    tensor
        .to_dtype(DType::F64)
        .and_then(|tensor| tensor.flatten_all()?.to_vec1())
        .unwrap()
}

/// The result of `f` and the gradients of every argument for a fixed cotangent.
fn run(f: impl Fn(&[Tensor]) -> Result<Tensor>, arguments: &[Tensor]) -> Vec<Tensor> {
    let variables: Vec<Var> = arguments
        .iter()
        .map(|argument| Var::from_tensor(argument).unwrap())
        .collect();
    let leaves: Vec<Tensor> = variables
        .iter()
        .map(|variable| variable.as_tensor().clone())
        .collect();
    let out = f(&leaves).unwrap();
    let cotangent = numbers(out.dims(), 99).to_dtype(out.dtype()).unwrap();
    let loss = (&out * cotangent).unwrap().sum_all().unwrap();
    let gradients = loss.backward().unwrap();
    let mut all = vec![out.detach()];
    all.extend(
        variables
            .iter()
            .map(|variable| gradients.get(variable).unwrap().clone()),
    );
    all
}

/// Compares every gradient of `f` with central differences in f64.
fn check_differences(what: &str, f: impl Fn(&[Tensor]) -> Result<Tensor>, arguments: &[Tensor]) {
    let step = 1e-5;
    let gradients = run(&f, arguments);
    let cotangent = values(&numbers(gradients[0].dims(), 99));
    let loss = |arguments: &[Tensor]| -> f64 {
        let out = values(&f(arguments).unwrap());
        out.iter().zip(&cotangent).map(|(a, b)| a * b).sum()
    };
    for (place, gradient) in gradients[1..].iter().enumerate() {
        for (index, found) in values(gradient).into_iter().enumerate() {
            let moved = |by: f64| {
                let mut moved = values(&arguments[place]);
                moved[index] += by;
                let mut arguments = arguments.to_vec();
                let shape = arguments[place].shape().clone();
                arguments[place] = Tensor::from_vec(moved, shape, &Device::Cpu).unwrap();
                loss(&arguments)
            };
            let expected = (moved(step) - moved(-step)) / (2.0 * step);
            assert!(
                (found - expected).abs() < 1e-7 * expected.abs().max(1.0),
                "{what}: argument {place}, element {index}: differences {expected}, gradient {found}"
            );
        }
    }
}

type Operation = Box<dyn Fn(&[Tensor]) -> Result<Tensor>>;

/// Every operation with arguments, f64.
fn operations() -> Vec<(String, Operation, Vec<Tensor>)> {
    let mut all: Vec<(String, Operation, Vec<Tensor>)> = Vec::new();
    // Batch, channels in and out, height, width, kernel, stride, padding.
    for (n, c, o, h, w, kernel, stride, padding) in [
        (3, 2, 3, 5, 4, 3, 1, 1),
        (3, 3, 2, 5, 4, 3, 1, 1),
        (2, 3, 2, 4, 5, 3, 1, 0),
        (2, 3, 1, 3, 4, 3, 1, 3),
        (2, 2, 2, 6, 5, 3, 2, 1),
        (2, 2, 1, 5, 5, 1, 2, 1),
        (19, 2, 3, 2, 2, 3, 1, 1),
        (1, 1, 2, 7, 6, 5, 2, 2),
        (1, 2, 2, 1, 1, 5, 1, 2),
    ] {
        let arguments = vec![
            numbers((n, c, h, w), 1),
            numbers((o, c, kernel, kernel), 2),
            numbers(o, 3),
        ];
        all.push((
            format!("conv2d {n} {c} {o} {h}x{w} {kernel} {stride} {padding}"),
            Box::new(move |a| ops::conv2d(&a[0], &a[1], Some(&a[2]), stride, padding)),
            arguments,
        ));
    }
    for size in [1, 2, 3] {
        all.push((
            format!("max_pool2d {size}"),
            Box::new(move |a| ops::max_pool2d(&a[0], size)),
            vec![numbers((2, 2, 7, 5), 4)],
        ));
        all.push((
            format!("upsample_nearest2d {size}"),
            Box::new(move |a| ops::upsample_nearest2d(&a[0], size)),
            vec![numbers((2, 2, 3, 5), 5)],
        ));
    }
    for (n, c, o, h, w, scale) in [(3, 2, 4, 3, 5, 2), (2, 3, 1, 4, 1, 3), (1, 1, 2, 1, 1, 1)] {
        let operation = move |a: &[Tensor]| ops::conv_transpose2d(&a[0], &a[1], Some(&a[2]), scale);
        all.push((
            format!("conv_transpose2d {n} {c} {o} {h}x{w} {scale}"),
            Box::new(operation),
            vec![
                numbers((n, c, h, w), 1),
                numbers((c, o, scale, scale), 2),
                numbers(o, 3),
            ],
        ));
    }
    for (groups, shape) in [
        (2, vec![2, 4, 3, 2]),
        (1, vec![3, 3, 2, 2]),
        (3, vec![2, 6]),
    ] {
        let operation = move |a: &[Tensor]| ops::group_norm(&a[0], groups, &a[1], &a[2], 1e-2);
        let channels = shape[1];
        all.push((
            format!("group_norm {groups} {shape:?}"),
            Box::new(operation),
            vec![
                numbers(shape, 26),
                numbers(channels, 27),
                numbers(channels, 28),
            ],
        ));
    }
    let x = numbers((6, 7), 6);
    all.push((
        "relu".to_string(),
        Box::new(|a| ops::relu(&a[0])),
        vec![x.clone()],
    ));
    all.push((
        "leaky_relu".to_string(),
        Box::new(|a| ops::leaky_relu(&a[0], 0.2)),
        vec![x.clone()],
    ));
    all.push((
        "sigmoid".to_string(),
        Box::new(|a| ops::sigmoid(&a[0])),
        vec![x.clone()],
    ));
    all.push((
        "bce_with_logits_sum".to_string(),
        Box::new(|a| ops::bce_with_logits_sum(&a[0], &a[1])),
        vec![x, numbers((6, 7), 7)],
    ));
    all.push((
        "linear".to_string(),
        Box::new(|a| ops::linear(&a[0], &a[1], Some(&a[2]))),
        vec![numbers((5, 4), 8), numbers((3, 4), 9), numbers(3, 10)],
    ));
    all
}

#[test]
fn gradients_agree_with_finite_differences() {
    for (name, operation, arguments) in operations() {
        check_differences(&name, &operation, &arguments);
        let composed = |a: &[Tensor]| composed::only(|| operation(a));
        check_differences(&format!("composed {name}"), composed, &arguments);
    }
}

/// The layers of the convolutional denoiser, and some with remainders of lanes.
fn large_convolutions() -> Vec<[Tensor; 3]> {
    // Batch, channels in and out, image size.
    [
        (33, 1, 8, 28),
        (35, 8, 16, 14),
        (130, 16, 32, 7),
        (50, 32, 32, 7),
        (35, 32, 16, 14),
        (17, 16, 1, 28),
        // Images so large that each stands alone where no gradient is asked for.
        (2, 11, 13, 173),
        (2, 5, 3, 73),
    ]
    .map(|(n, c, o, size)| {
        [
            numbers((n, c, size, size), 11),
            numbers((o, c, 3, 3), 12),
            numbers(o, 13),
        ]
    })
    .to_vec()
}

fn f32(tensors: &[Tensor]) -> Vec<Tensor> {
    let convert = |tensor: &Tensor| tensor.to_dtype(DType::F32).unwrap();
    tensors.iter().map(convert).collect()
}

/// A convolution with padding 1 in plain loops, and the gradients of `run`'s sum by image, kernel and bias.
fn convolution_in_loops([x, weight, bias]: &[Tensor; 3], stride: usize) -> [Vec<f64>; 4] {
    let (batch, inputs, height, width) = x.dims4().unwrap();
    let (outputs, _, rows, columns) = weight.dims4().unwrap();
    let (out_height, out_width) = ((height - 1) / stride + 1, (width - 1) / stride + 1);
    let cotangent = values(&numbers((batch, outputs, out_height, out_width), 99));
    let (x, weight, bias) = (values(x), values(weight), values(bias));
    let mut out = vec![0.0; cotangent.len()];
    let (mut by_x, mut by_weight) = (vec![0.0; x.len()], vec![0.0; weight.len()]);
    let mut by_bias = vec![0.0; bias.len()];
    for (at, (out, &cotangent)) in out.iter_mut().zip(&cotangent).enumerate() {
        let (i, j) = (at / out_width % out_height, at % out_width);
        let (n, o) = (
            at / out_width / out_height / outputs,
            at / out_width / out_height % outputs,
        );
        *out = bias[o];
        by_bias[o] += cotangent;
        for element in 0..inputs * rows * columns {
            let (u, v) = (element / columns % rows, element % columns);
            let (y, z) = (i * stride + u, j * stride + v);
            if !(1..=height).contains(&y) || !(1..=width).contains(&z) {
                continue;
            }
            let plane = n * inputs + element / columns / rows;
            let pixel = (plane * height + y - 1) * width + z - 1;
            let element = o * inputs * rows * columns + element;
            *out += x[pixel] * weight[element];
            by_x[pixel] += cotangent * weight[element];
            by_weight[element] += cotangent * x[pixel];
        }
    }
    [out, by_x, by_weight, by_bias]
}

#[test]
fn large_convolutions_agree_with_plain_loops() {
    for arguments in large_convolutions() {
        for stride in [1, 2] {
            let all_expected = convolution_in_loops(&arguments, stride);
            let conv2d = |a: &[Tensor]| ops::conv2d(&a[0], &a[1], Some(&a[2]), stride, 1);
            let without_gradients = |a: &[Tensor]| {
                vec![conv2d(&a.iter().map(Tensor::detach).collect::<Vec<_>>()).unwrap()]
            };
            for (arguments, tolerance) in [(arguments.to_vec(), 1e-13), (f32(&arguments), 1e-5)] {
                for all_found in [run(conv2d, &arguments), without_gradients(&arguments)] {
                    for (place, (found, expected)) in
                        all_found.iter().zip(&all_expected).enumerate()
                    {
                        let largest = expected.iter().fold(1.0f64, |a, b| a.max(b.abs()));
                        for (found, expected) in values(found).into_iter().zip(expected) {
                            assert!(
                                (found - expected).abs() <= tolerance * largest,
                                "{:?} stride {stride}, tensor {place}: expected {expected}, found {found}",
                                arguments[0],
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn results_have_the_same_bits_on_any_number_of_threads() {
    let in_pool = |threads: usize, f: &(dyn Fn() -> Vec<Tensor> + Sync)| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let bits = |tensor: &Tensor| -> Vec<u64> {
            values(tensor).into_iter().map(f64::to_bits).collect()
        };
        pool.install(f).iter().map(bits).collect::<Vec<_>>()
    };
    let same = |what: &str, f: &(dyn Fn() -> Vec<Tensor> + Sync)| {
        let one = in_pool(1, f);
        for threads in [2, 3] {
            assert_eq!(one, in_pool(threads, f), "{what} on {threads} threads");
        }
    };
    for arguments in large_convolutions() {
        let arguments = f32(&arguments);
        same("conv2d", &|| {
            run(|a| ops::conv2d(&a[0], &a[1], Some(&a[2]), 1, 1), &arguments)
        });
    }
    let images = f32(&[numbers((37, 8, 21, 20), 14)]);
    same("max_pool2d", &|| {
        run(|a| ops::max_pool2d(&a[0], 2), &images)
    });
    same("upsample_nearest2d", &|| {
        run(|a| ops::upsample_nearest2d(&a[0], 2), &images)
    });
    same("relu", &|| run(|a| ops::relu(&a[0]), &images));
    same("leaky_relu", &|| {
        run(|a| ops::leaky_relu(&a[0], 0.1), &images)
    });
    same("sigmoid", &|| run(|a| ops::sigmoid(&a[0]), &images));
    let targets = f32(&[images[0].clone(), numbers((37, 8, 21, 20), 15)]);
    same("bce_with_logits_sum", &|| {
        run(|a| ops::bce_with_logits_sum(&a[0], &a[1]), &targets)
    });
    let dense = f32(&[
        numbers((200, 150), 16),
        numbers((170, 150), 17),
        numbers(170, 18),
    ]);
    same("linear", &|| {
        run(|a| ops::linear(&a[0], &a[1], Some(&a[2])), &dense)
    });
}

#[test]
fn the_loss_is_summed_in_f64() {
    // 0.6931472 a term: in f32 a running sum of so many terms is off by 1e-4 and more.
    let count = 3_000_000;
    let zeros = Tensor::zeros(count, DType::F32, &Device::Cpu).unwrap();
    let sum = ops::bce_with_logits_sum(&zeros, &zeros).unwrap();
    let sum = f64::from(sum.to_scalar::<f32>().unwrap());
    let expected = std::f64::consts::LN_2 * count as f64;
    assert!((sum / expected - 1.0).abs() < 1e-7, "{sum} for {expected}");
}

#[test]
fn the_loss_of_saturated_logits_is_finite() {
    let check = || {
        let logits = [3e38f32, -3e38, 200.0, -200.0, 0.0];
        let logits = Var::new(&logits, &Device::Cpu).unwrap();
        let targets = Tensor::new(&[1f32, 0.0, 0.0, 1.0, 0.25], &Device::Cpu).unwrap();
        let loss = ops::bce_with_logits_sum(&logits, &targets).unwrap();
        let expected = 400.0 + std::f32::consts::LN_2;
        assert!((loss.to_scalar::<f32>().unwrap() - expected).abs() < 1e-4);
        let gradients = loss.backward().unwrap();
        let gradient = gradients.get(&logits).unwrap().to_vec1::<f32>().unwrap();
        assert_eq!(gradient, [0.0, 0.0, 1.0, -1.0, 0.25]);
    };
    check();
    composed::only(check);
}

#[test]
fn nan_is_passed_on() {
    let is_nan = |tensor: Tensor| values(&tensor).iter().any(|value| value.is_nan());
    for place in 0..4 {
        let mut window = [1f32, 4.0, 3.0, 2.0];
        window[place] = f32::NAN;
        let x = Tensor::from_slice(&window, (1, 1, 2, 2), &Device::Cpu).unwrap();
        let x = Var::from_tensor(&x).unwrap();
        assert!(is_nan(ops::max_pool2d(&x, 2).unwrap()));
        assert!(is_nan(ops::max_pool2d(&x.as_detached_tensor(), 2).unwrap()));
        let activations = || {
            assert!(is_nan(ops::relu(&x).unwrap()));
            assert!(is_nan(ops::leaky_relu(&x, 0.1).unwrap()));
            assert!(is_nan(ops::sigmoid(&x).unwrap()));
        };
        activations();
        composed::only(activations);
    }
}

#[test]
fn arguments_need_not_be_contiguous() {
    let x = numbers((2, 5, 4, 3), 20);
    let moved = x.permute([3, 1, 0, 2]).unwrap();
    let weight = numbers((3, 3, 5, 4), 21).permute([1, 2, 0, 3]).unwrap();
    let plain = |tensor: &Tensor| tensor.force_contiguous().unwrap();
    let weight = weight.narrow(3, 1, 3).unwrap();
    let weight = weight.permute([0, 1, 2, 3]).unwrap();
    let cases: [(Operation, Vec<Tensor>); 3] = [
        (
            Box::new(|a| ops::conv2d(&a[0].transpose(2, 3)?, &a[1], None, 1, 1)),
            vec![moved.clone(), weight],
        ),
        (
            Box::new(|a| ops::max_pool2d(&a[0].transpose(1, 2)?, 2)),
            vec![moved.clone()],
        ),
        (
            Box::new(|a| ops::upsample_nearest2d(&ops::relu(&a[0].narrow(1, 1, 2)?)?, 2)),
            vec![moved],
        ),
    ];
    for (operation, arguments) in cases {
        let contiguous: Vec<Tensor> = arguments.iter().map(plain).collect();
        let found = run(&operation, &arguments);
        let expected = run(&operation, &contiguous);
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(values(found), values(expected));
        }
        check_differences("not contiguous", &operation, &arguments);
    }
}

#[test]
fn only_tracked_arguments_get_gradients() {
    let weight = Var::from_tensor(&numbers((2, 3, 3, 3), 22)).unwrap();
    let image = numbers((1, 3, 4, 4), 23);
    let out = ops::conv2d(&image, &weight, None, 1, 1).unwrap();
    let gradients = out.sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&image).is_none());
    assert!(gradients.get(&weight).is_some());

    let image = Var::from_tensor(&image).unwrap();
    let out = ops::conv2d(&image, &weight.as_detached_tensor(), None, 1, 1).unwrap();
    let gradients = out.sum_all().unwrap().backward().unwrap();
    assert!(gradients.get(&image).is_some());
    assert!(gradients.get(&weight).is_none());
}

#[test]
fn half_precision_runs_composed() {
    let bf16 = |tensor: Tensor| tensor.to_dtype(DType::BF16).unwrap();
    let x = numbers((2, 3, 4, 4), 24);
    let weight = numbers((2, 3, 3, 3), 25);
    let expected = ops::conv2d(&x, &weight, None, 1, 1).unwrap();
    let found = ops::conv2d(&bf16(x), &bf16(weight), None, 1, 1).unwrap();
    assert_eq!(found.dtype(), DType::BF16);
    for (found, expected) in values(&found).into_iter().zip(values(&expected)) {
        assert!((found - expected).abs() < 0.05, "{found} for {expected}");
    }
}

#[test]
fn empty_batches_stay_empty() {
    let x = Tensor::zeros((0, 3, 4, 4), DType::F32, &Device::Cpu).unwrap();
    let dims = |out: Result<Tensor>| out.unwrap().dims().to_vec();
    assert_eq!(dims(ops::max_pool2d(&x, 2)), [0, 3, 2, 2]);
    assert_eq!(dims(ops::upsample_nearest2d(&x, 2)), [0, 3, 8, 8]);
    assert_eq!(dims(ops::relu(&x)), [0, 3, 4, 4]);
    let kernel = Tensor::zeros((2, 3, 3, 3), DType::F32, &Device::Cpu).unwrap();
    assert_eq!(dims(ops::conv2d(&x, &kernel, None, 2, 1)), [0, 2, 2, 2]);
    let kernel = Tensor::zeros((3, 2, 2, 2), DType::F32, &Device::Cpu).unwrap();
    let up = ops::conv_transpose2d(&x, &kernel, None, 2);
    assert_eq!(dims(up), [0, 2, 8, 8]);
    let ones = Tensor::ones(3, DType::F32, &Device::Cpu).unwrap();
    assert_eq!(
        dims(ops::group_norm(&x, 3, &ones, &ones, 1e-5)),
        [0, 3, 4, 4]
    );
    let dense = Tensor::zeros((0, 3), DType::F32, &Device::Cpu).unwrap();
    let weight = Tensor::zeros((2, 3), DType::F32, &Device::Cpu).unwrap();
    assert_eq!(dims(ops::linear(&dense, &weight, None)), [0, 2]);
}

#[test]
fn what_does_not_fit_is_refused() {
    check_refusals();
    composed::only(check_refusals);
}

fn check_refusals() {
    let zeros = |dims: &[usize]| Tensor::zeros(dims, DType::F32, &Device::Cpu).unwrap();
    let x = zeros(&[2, 3, 4, 5]);
    let weight = zeros(&[2, 3, 3, 3]);
    let layer = |out: Result<Tensor>| {
        let error = out.unwrap_err();
        assert!(matches!(error, Error::Layer { .. }), "{error}");
    };
    let argument = |out: Result<Tensor>| {
        let error = out.unwrap_err();
        assert!(matches!(error, Error::Argument { .. }), "{error}");
    };
    argument(ops::conv2d(&x, &weight, None, 0, 1));
    layer(ops::conv2d(&zeros(&[3, 4, 5]), &weight, None, 1, 1));
    layer(ops::conv2d(&x, &zeros(&[2, 3, 3]), None, 1, 1));
    layer(ops::conv2d(&x, &zeros(&[2, 4, 3, 3]), None, 1, 1));
    layer(ops::conv2d(&x, &zeros(&[2, 3, 0, 3]), None, 1, 1));
    layer(ops::conv2d(&x, &zeros(&[2, 3, 5, 5]), None, 1, 0));
    layer(ops::conv2d(&x, &weight, Some(&zeros(&[3])), 1, 1));
    layer(ops::conv2d(&x, &weight, None, 1, usize::MAX));
    layer(ops::conv2d(&x, &weight, None, 1, usize::MAX / 4));
    let up = |x: &Tensor, weight: &[usize], bias: usize, scale| {
        ops::conv_transpose2d(x, &zeros(weight), Some(&zeros(&[bias])), scale)
    };
    assert_eq!(up(&x, &[3, 2, 2, 2], 2, 2).unwrap().dims(), [2, 2, 8, 10]);
    argument(up(&x, &[3, 2, 2, 2], 2, 0));
    layer(up(&zeros(&[3, 4, 5]), &[3, 2, 2, 2], 2, 2));
    layer(up(&x, &[2, 3, 2, 2], 3, 2));
    layer(up(&x, &[3, 2, 2, 3], 2, 2));
    layer(up(&x, &[3, 2, 3, 3], 2, 2));
    layer(up(&x, &[3, 0, 2, 2], 0, 2));
    layer(up(&x, &[3, 2, 2, 2], 3, 2));
    let norm = |x: &Tensor, groups, weight: usize, bias: usize, eps| {
        ops::group_norm(x, groups, &zeros(&[weight]), &zeros(&[bias]), eps)
    };
    assert_eq!(norm(&x, 3, 3, 3, 1e-5).unwrap().dims(), [2, 3, 4, 5]);
    argument(norm(&x, 0, 3, 3, 1e-5));
    argument(norm(&x, 3, 3, 3, 0.0));
    argument(norm(&x, 3, 3, 3, f64::NAN));
    layer(norm(&x, 2, 3, 3, 1e-5));
    layer(norm(&x, 3, 2, 3, 1e-5));
    layer(norm(&x, 3, 3, 4, 1e-5));
    layer(norm(&zeros(&[3]), 1, 3, 3, 1e-5));
    layer(ops::linear(&zeros(&[2]), &zeros(&[4, 2]), None));
    layer(ops::linear(&zeros(&[3, 2]), &zeros(&[4, 3]), None));
    layer(ops::linear(
        &zeros(&[3, 2]),
        &zeros(&[4, 2]),
        Some(&zeros(&[2])),
    ));
    argument(ops::max_pool2d(&x, 0));
    layer(ops::max_pool2d(&x, 5));
    layer(ops::max_pool2d(&zeros(&[4, 5]), 2));
    argument(ops::upsample_nearest2d(&x, 0));
    argument(ops::upsample_nearest2d(&x, usize::MAX));
    layer(ops::upsample_nearest2d(&zeros(&[4, 5]), 2));
    layer(ops::bce_with_logits_sum(&zeros(&[4, 5]), &zeros(&[5, 4])));
    argument(ops::leaky_relu(&x, f64::NAN));
    argument(ops::leaky_relu(&x, -0.1));
}
