//! The CUDA device, its memory, and kernel launches.

use std::collections::HashMap;
use std::sync::Arc;

use candle_core::cuda_backend::CudaDevice;
use candle_core::cuda_backend::cudarc::driver::{
    CudaFunction, CudaSlice, CudaStream, DevicePtr, DeviceRepr, DriverError, LaunchArgs,
    LaunchConfig, PushKernelArg, ValidAsZeroBits,
};
use candle_core::{DType, Storage, Tensor};

pub(crate) use crate::engine::abi::Address;
use crate::engine::abi::{
    Key, LossTerms, OptimizerStep, Parts, Preparation, Product, Spread, Status, THREADS, Tap,
    Variable, Weights,
};
use crate::{Error, Result};

mod compiled {
    include!(concat!(env!("OUT_DIR"), "/kernels.rs"));
}

pub(super) use compiled::{
    BATCH, LAYERS, OPTIMIZER, PRODUCT_BF16, PRODUCT_F32, PRODUCT_TF32, WEIGHTS,
};

/// Most blocks of a kernel over many values, whose threads loop with a grid stride.
const MOST_BLOCKS: u64 = 1 << 13;

macro_rules! passed {
    ($($type:ty),+) => {$(
        // SAFETY: plain numbers and addresses, laid out as in C, which the kernels assert.
        unsafe impl DeviceRepr for $type {}
    )+};
}

passed!(Address, Tap, Product, Weights, Parts, Spread);
passed!(Key, Preparation);
passed!(Status, LossTerms, Variable, OptimizerStep);

// SAFETY: all zeros are a valid value: the status before the first step.
unsafe impl ValidAsZeroBits for Status {}

impl Address {
    pub const NONE: Self = Self(0);

    /// The address this many values further.
    pub fn behind<T>(self, values: usize) -> Self {
        Self(self.0 + (values * size_of::<T>()) as u64)
    }

    /// Address of the first element of a contiguous f32 tensor on a CUDA device. It is valid as long as the tensor's
    /// storage, which variables and their gradients never replace.
    pub fn of(tensor: &Tensor) -> Result<Self> {
        let (storage, layout) = tensor.storage_and_layout();
        let (Storage::Cuda(storage), true) = (&*storage, layout.is_contiguous()) else {
            let found = format!("{:?} on {:?}", tensor.layout(), tensor.device());
            let expected = "a contiguous tensor on it";
            return Err(Error::layer("a kernel of the card", expected, found));
        };
        let slice = storage.as_cuda_slice::<f32>()?;
        let start = slice.device_ptr(slice.stream()).0;
        let behind = layout.start_offset() * DType::F32.size_in_bytes();
        Ok(Self(start + behind as u64))
    }
}

/// Device memory.
#[derive(Debug)]
pub(super) struct Buffer<T>(CudaSlice<T>);

impl<T> Buffer<T> {
    pub fn address(&self) -> Address {
        Address(self.0.device_ptr(self.0.stream()).0)
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }
}

/// A CUDA device with loaded kernels, which run in the order of their launches.
#[derive(Debug, Clone)]
pub(super) struct Launcher {
    stream: Arc<CudaStream>,
    functions: Arc<HashMap<&'static str, CudaFunction>>,
}

impl Launcher {
    /// Loads all kernels of some modules, which nvcc has compiled to PTX, once for each device.
    ///
    /// # Errors
    /// If the driver cannot compile them for this device.
    pub fn new(device: &CudaDevice, modules: &[&'static str]) -> Result<Self> {
        let mut functions = HashMap::new();
        for &text in modules {
            // The address of the text identifies the module.
            let module = format!("autoencode {:p}", text.as_ptr());
            // A kernel is declared as `.visible .entry name(`.
            for declared in text.split(".entry ").skip(1) {
                let name = declared.split('(').next().unwrap_or_default().trim();
                let function = device.get_or_load_custom_func(name, &module, text)?;
                functions.insert(name, function.into_cuda_function());
            }
        }
        Ok(Self {
            stream: device.cuda_stream(),
            functions: Arc::new(functions),
        })
    }

    /// Uninitialised memory for `len` values.
    pub fn memory<T: DeviceRepr>(&self, len: usize) -> Result<Buffer<T>> {
        // SAFETY: the callers launch a kernel that writes it before one that reads it.
        let slice = unsafe { self.stream.alloc(len.max(1)) };
        let what = "memory (a smaller training.batch_size takes less)";
        slice.map(Buffer).map_err(refused(what))
    }

    pub fn zeros<T: DeviceRepr + ValidAsZeroBits>(&self, len: usize) -> Result<Buffer<T>> {
        let slice = self.stream.alloc_zeros(len.max(1));
        slice.map(Buffer).map_err(refused("memory"))
    }

    /// A copy of host values.
    pub fn copy_of<T: DeviceRepr>(&self, values: &[T]) -> Result<Buffer<T>> {
        let slice = self.stream.clone_htod(values);
        slice.map(Buffer).map_err(refused("a copy to the card"))
    }

    /// Copies host values over the first values of a buffer that holds at least as many.
    pub fn write<T: DeviceRepr>(&self, buffer: &mut Buffer<T>, values: &[T]) -> Result<()> {
        if buffer.len() < values.len() {
            *buffer = self.memory(values.len())?;
        }
        self.stream
            .memcpy_htod(values, &mut buffer.0)
            .map_err(refused("a copy to the card"))
    }

    /// Waits for all work launched so far, then reads a buffer.
    pub fn read<T: DeviceRepr>(&self, buffer: &Buffer<T>) -> Result<Vec<T>> {
        let values = self.stream.clone_dtoh(&buffer.0);
        let values = values.map_err(refused("a copy from the card"))?;
        let done = self.stream.synchronize();
        done.map_err(refused("the work before a copy from the card"))?;
        Ok(values)
    }

    /// Starts a kernel. The arguments have the types and the order that it declares.
    ///
    /// # Errors
    /// If the driver refuses it, or reports that earlier work failed.
    pub fn launch(&self, name: &str, grid: Grid, arguments: &impl Arguments) -> Result<()> {
        let function = self.functions.get(name).ok_or_else(|| {
            let kernel = format!("kernel {name}");
            Error::layer(kernel, "one that was loaded", "none of that name")
        })?;
        let mut launch = self.stream.launch_builder(function);
        arguments.push(&mut launch);
        let config = LaunchConfig {
            grid_dim: grid.0,
            block_dim: (THREADS, 1, 1),
            shared_mem_bytes: 0,
        };
        // SAFETY: only steps in this module call it. They pass the arguments that the kernel declares, and addresses of
        // memory as large as the sizes passed with them. The memory lives until the kernel is done: it is freed in
        // stream order.
        unsafe { launch.launch(config) }.map_err(refused(name))?;
        Ok(())
    }
}

/// Blocks in each direction.
#[derive(Debug, Clone, Copy)]
pub(super) struct Grid(pub (u32, u32, u32));

impl Grid {
    /// # Errors
    /// If they are too many for a kernel.
    pub fn new(blocks: [usize; 3]) -> Result<Self> {
        let [x, y, z] = blocks.map(|count| u32::try_from(count).map_err(|_| too_large(count)));
        Ok(Self((x?, y?, z?)))
    }

    /// The grid of a kernel over this many values.
    pub fn over(values: usize) -> Self {
        let blocks = (values as u64).div_ceil(u64::from(THREADS));
        Self((blocks.clamp(1, MOST_BLOCKS) as u32, 1, 1))
    }

    /// A grid of this many blocks.
    pub fn blocks(blocks: u32) -> Self {
        Self((blocks, 1, 1))
    }
}

/// The arguments of a kernel: a tuple of numbers, addresses and structures.
pub(super) trait Arguments {
    fn push<'a>(&'a self, launch: &mut LaunchArgs<'a>);
}

macro_rules! arguments {
    ($($type:ident $place:tt),+) => {
        impl<$($type: DeviceRepr),+> Arguments for ($($type,)+) {
            fn push<'a>(&'a self, launch: &mut LaunchArgs<'a>) {
                $(launch.arg(&self.$place);)+
            }
        }
    };
}

arguments!(A 0);
arguments!(A 0, B 1);
arguments!(A 0, B 1, C 2);
arguments!(A 0, B 1, C 2, D 3);
arguments!(A 0, B 1, C 2, D 3, E 4);
arguments!(A 0, B 1, C 2, D 3, E 4, F 5);
arguments!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
arguments!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);

/// A size as a kernel argument.
pub(super) fn int(size: usize) -> Result<i32> {
    i32::try_from(size).map_err(|_| too_large(size))
}

fn too_large(size: usize) -> Error {
    let expected = "sizes below 2^31; take a smaller training.batch_size";
    Error::argument("a batch on a card", expected, size)
}

/// The error for a kernel or memory that the driver refuses.
fn refused(what: &str) -> impl FnOnce(DriverError) -> Error {
    move |error| {
        let reason = crate::device::cuda::described(error.0 as i32);
        let message = format!("CUDA card, {what}: {reason}");
        Error::Tensor(candle_core::Error::Msg(message))
    }
}
