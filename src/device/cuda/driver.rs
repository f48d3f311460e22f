//! The driver's first calls, with their results as numbers. cudarc takes a result for a value of an enum, so that one
//! which it does not list, as of a newer or broken driver, would be undefined behaviour.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr::{null, null_mut};

// cudarc links the driver's library.
unsafe extern "C" {
    fn cuInit(flags: c_uint) -> c_int;
    fn cuDeviceGetCount(count: *mut c_int) -> c_int;
    fn cuDeviceGet(device: *mut c_int, number: c_int) -> c_int;
    fn cuDevicePrimaryCtxRetain(context: *mut *mut c_void, device: c_int) -> c_int;
    fn cuDevicePrimaryCtxRelease_v2(device: c_int) -> c_int;
    fn cuGetErrorName(code: c_int, name: *mut *const c_char) -> c_int;
    fn cuGetErrorString(code: c_int, text: *mut *const c_char) -> c_int;
}

/// Number of cards, or why the driver does not work.
pub(super) fn cards() -> Result<usize, String> {
    let mut cards = 0;
    // SAFETY: any thread may call these two in this order at any time; the address is that of a number.
    unsafe {
        succeeded(cuInit(0))?;
        succeeded(cuDeviceGetCount(&raw mut cards))?;
    }
    Ok(usize::try_from(cards).unwrap_or(0))
}

/// A hold on the context in which all of this program's work on a card is done.
pub(super) struct Context(c_int);

impl Context {
    /// Makes the context unless there is one; `number` is below [`cards`].
    pub fn retain(number: usize) -> Result<Self, String> {
        let number = c_int::try_from(number).unwrap_or(c_int::MAX);
        let (mut device, mut context) = (0, null_mut());
        // SAFETY: the driver is initialised, as the number of cards is known; the addresses are those of a number and a
        // pointer.
        unsafe {
            succeeded(cuDeviceGet(&raw mut device, number))?;
            succeeded(cuDevicePrimaryCtxRetain(&raw mut context, device))?;
        }
        Ok(Self(device))
    }
}

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: it was retained once.
        unsafe { cuDevicePrimaryCtxRelease_v2(self.0) };
    }
}

fn succeeded(code: c_int) -> Result<(), String> {
    match code {
        0 => Ok(()),
        _ => Err(described(code)),
    }
}

/// The driver's text for a result, and its name.
pub(crate) fn described(code: c_int) -> String {
    let told = |ask: unsafe extern "C" fn(c_int, *mut *const c_char) -> c_int| {
        let mut text = null();
        // SAFETY: the driver stores the address of a text that stays, or none.
        unsafe {
            let known = ask(code, &raw mut text) == 0 && !text.is_null();
            known.then(|| CStr::from_ptr(text).to_string_lossy().into_owned())
        }
    };
    match (told(cuGetErrorString), told(cuGetErrorName)) {
        (Some(text), Some(name)) => format!("{text} ({name})"),
        _ => format!("the driver's error {code}, which it has no text for"),
    }
}
