//! What the host and the CUDA kernels share: constants, numbers of enums, layouts of structures.
//!
//! The kernels have all of it, and the formulas, from `cuda/kernels/generated.cuh`, which [`header`] writes from what
//! stands here. They assert sizes and offsets of their own structures against it.

#[cfg(test)]
mod header;

/// Declares constants.
macro_rules! constants {
    ($($(#[$doc:meta])* $name:ident: $type:ty = $value:expr;)+) => {
        $($(#[$doc])* pub(crate) const $name: $type = $value;)+

        #[cfg(test)]
        const CONSTANTS: &[(&str, i64)] = &[$((stringify!($name), $name as i64),)+];
    };
}

constants! {
    /// Threads of every block.
    THREADS: u32 = 256;
    /// Depths that a matrix product takes at a time.
    DEPTH: usize = 16;
    /// `right` of taps that are none: of a one, whose weights are the biases, and of zeros, to fill up.
    ONE: i16 = 0x7fff;
    ZEROS: i16 = 0x7ffe;
    /// Threads that add up the parts of one value of a weight's gradient.
    SUM_LANES: usize = 8;
    /// Tensors of state and plain numbers that an optimiser's rule has at most.
    STATES: usize = 2;
    SETTINGS: usize = 9;
}

/// Declares enums that kernels take as numbers.
macro_rules! numbered {
    ($($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident,)+ })+) => {
        $(
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            #[repr(i32)]
            pub(crate) enum $name {
                $($(#[$variant_doc])* $variant,)+
            }
        )+

        #[cfg(test)]
        const ENUMS: &[(&str, &[(&dyn std::fmt::Debug, i32)])] = &[
            $((stringify!($name), &[$((&$name::$variant, $name::$variant as i32),)+]),)+
        ];
    };
}

numbered! {
    /// How a layer is worked out.
    ConvAlgorithm {
        /// Results gather what they read, through the upsampling.
        Gather,
        /// Pixels that are read give each result around them its part. For few results: the product has a column for
        /// each result and place of the kernel, where gathering would fill most of a block's columns with nothing; and
        /// an upsampling makes it no larger.
        Spread,
        /// Of a kernel of 3x3 behind an upsampling by two: a kernel of 2x2 for each of even and odd rows and columns,
        /// 2.25 times fewer products in all three passes.
        Phases,
        /// Results gather what they read, `stride` rows and columns apart; pixels get their gradients back by way of
        /// what each result gives them.
        Strided,
    }

    /// What happens to the values of a sample.
    CorruptionKind {
        None,
        Gaussian,
        UnclippedGaussian,
        SaltAndPepper,
        Masking,
    }

    /// How values become 0 or 1.
    BinarizationKind {
        AsTheyAre,
        Threshold,
        Drawn,
    }

    /// Sums of a batch.
    Row {
        Distance,
        Kl,
        Penalty,
    }

    /// What is no finite number in a step.
    Failure {
        Nothing,
        Loss,
        Norm,
    }
}

/// Where something lies on the device; 0 for nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Address(pub u64);

/// Declares structures of the same names and fields as the kernels'.
macro_rules! structures {
    ($($(#[$meta:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)+ })+) => {
        $(
            $(#[$meta])*
            #[derive(Debug, Clone, Copy, PartialEq)]
            #[repr(C)]
            pub(crate) struct $name {
                $($(#[$field_doc])* pub $field: $type,)+
            }
        )+

        /// Structures as the host lays them out: names, sizes, and the offsets of their fields.
        #[cfg(test)]
        const LAYOUTS: &[(&str, usize, &[(&str, usize)])] = &[$((
            stringify!($name),
            size_of::<$name>(),
            &[$((stringify!($field), std::mem::offset_of!($name, $field)),)+],
        ),)+];
    };
}

structures! {
    /// Divides by multiplication.
    #[derive(Default)]
    Divisor {
        factor: u32,
        shift: u32,
    }

    /// Some channels of a pixel that is read for another one.
    Tap {
        channel: i32,
        down: i16,
        right: i16,
    }

    /// A matrix product of a layer.
    #[derive(Default)]
    Product {
        images: Address,
        taps: Address,
        weight: Address,
        bias: Address,
        mask: Address,
        result: Address,
        gradient: Address,
        parts: Address,
        count: i32,
        height: i32,
        width: i32,
        image_height: i32,
        image_width: i32,
        shift: i32,
        stride: i32,
        channels: i32,
        image_len: i32,
        depth: i32,
        results: i32,
        relu: i32,
        phases: i32,
        part_len: i32,
        area: Divisor,
        line: Divisor,
    }

    /// The weights of a layer, and where they lie as its products read them.
    Weights {
        weight: Address,
        forward: Address,
        backward: Address,
        algorithm: ConvAlgorithm,
        results: i32,
        channels: i32,
        area: i32,
        result_stride: i32,
        channel_stride: i32,
        forward_depth: i32,
        backward_depth: i32,
        rounds: i32,
    }

    /// What the gradients of weights and biases are added up from.
    Parts {
        parts: Address,
        weight: Address,
        bias: Address,
        count: i32,
        algorithm: ConvAlgorithm,
        results: i32,
        channels: i32,
        area: i32,
        result_stride: i32,
        channel_stride: i32,
        results_per_bias: i32,
        depth: i32,
    }

    /// What pixels give to the results around them, `(N, height >> shift, width >> shift, results, kernel kernel)`,
    /// and the results.
    #[derive(Default)]
    Spread {
        given: Address,
        result: Address,
        bias: Address,
        count: i32,
        height: i32,
        width: i32,
        shift: i32,
        results: i32,
        kernel: i32,
        relu: i32,
        stride: i32,
        padding: i32,
        mask: Address,
    }

    /// A stream of random numbers without its index, as [`crate::random::Stream`] numbers it.
    #[derive(Eq)]
    Key {
        seed: [u32; 2],
        purpose_and_epoch: u32,
    }

    /// A batch that is made of images.
    Preparation {
        images: Address,
        indices: Address,
        input: Address,
        target: Address,
        count: i32,
        size: i32,
        added: u32,
        corruption: CorruptionKind,
        binarization: BinarizationKind,
        has_range: i32,
        low: f64,
        high: f64,
        corruption_key: Key,
        binarization_key: Key,
    }

    /// How training goes on; it stays as it is from the first step on that is not sound.
    #[derive(Default)]
    Status {
        /// Of the steps so far: what is minimised, and the KL divergence without its weight.
        loss_sum: f64,
        kl_sum: f64,
        /// Of the last step, or of the one that failed: the sum of the loss, and the norm of the gradient.
        loss: f64,
        norm: f64,
        factor: f64,
        /// Sound steps.
        steps: i64,
        /// The number of a [`Failure`].
        failure: i64,
    }

    /// How the sums of a batch make its loss, and the largest norm of a gradient, 0 for any.
    #[derive(Default)]
    LossTerms {
        distance: f64,
        constant: f64,
        penalty: f64,
        kl: f64,
        limit: f64,
    }

    /// A variable with its gradient and what is kept for it.
    #[derive(Eq)]
    Variable {
        value: Address,
        gradient: Address,
        state: [Address; STATES],
        len: i64,
    }

    /// What an optimiser does to each weight in a step: the number of its rule, and the rule's settings.
    OptimizerStep {
        rule: i32,
        settings: [f32; SETTINGS],
    }
}
