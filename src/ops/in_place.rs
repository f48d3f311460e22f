//! Writes the elements of CPU tensors in place.

use std::cell::Cell;
use std::collections::HashSet;

use candle_core::{CpuStorage, InplaceOp1, Layout, Result, Tensor, bail};

use super::kernel::real::{Real, elements, elements_mut, on_cpu};

/// Calls `work` with the elements of the tensors in `written`, to be changed, and of those in `read`,
/// both in their order. Every tensor that shares storage with a written one, such as a frozen copy of a
/// network, sees the new values.
///
/// All tensors are locked at once. At most one tensor of a call may be in use by other threads;
/// otherwise two threads could deadlock.
///
/// # Errors
/// If a tensor is not contiguous, on another device or of another type, or if a written one shares its
/// storage with any other. Nothing is changed then.
pub(crate) fn with_elements_mut<T: Real, R>(
    written: &[&Tensor],
    read: &[&Tensor],
    work: impl FnOnce(Vec<&mut [T]>, &[&[T]]) -> Result<R>,
) -> Result<R> {
    check_distinct(written, read)?;
    let guards: Vec<_> = read.iter().map(|t| t.storage_and_layout()).collect();
    let read = guards
        .iter()
        .map(|(storage, layout)| elements(on_cpu(storage)?, layout))
        .collect::<Result<Vec<&[T]>>>()?;
    let mut work = Some(work);
    let mut result = None;
    lend(written, Vec::with_capacity(written.len()), &mut |written| {
        if let Some(work) = work.take() {
            result = Some(work(written, &read)?);
        }
        Ok(())
    })?;
    match result {
        Some(result) => Ok(result),
        None => bail!("no tensor was lent"),
    }
}

/// Checks that no written tensor shares its storage with another one, which would be locked twice.
///
/// # Errors
/// If one does.
pub(crate) fn check_distinct(written: &[&Tensor], read: &[&Tensor]) -> Result<()> {
    // candle does not expose the identity of a storage, but it does expose its address.
    let address = |tensor: &&Tensor| std::ptr::from_ref(&*tensor.storage_and_layout().0);
    let mut addresses = HashSet::new();
    let distinct = written.iter().map(address).all(|at| addresses.insert(at));
    if !distinct || read.iter().map(address).any(|at| addresses.contains(&at)) {
        bail!("a tensor that is written in place shares its storage with another one")
    }
    Ok(())
}

type Work<'a, T> = dyn FnMut(Vec<&mut [T]>) -> Result<()> + 'a;

/// Adds the elements of `tensors` to `lent` and calls `work` with all of them. candle lends one storage
/// at a time, to an in-place operation, so the operation on the first tensor runs the one on the next.
fn lend<T: Real>(tensors: &[&Tensor], lent: Vec<&mut [T]>, work: &mut Work<T>) -> Result<()> {
    match tensors {
        [] => work(lent),
        [first, rest @ ..] => first.inplace_op1(&Lend {
            rest,
            // Cells, because candle calls an operation through a shared reference.
            lent: Cell::new(lent),
            work: Cell::new(Some(work)),
        }),
    }
}

struct Lend<'a, 'b, 'c, T> {
    rest: &'a [&'a Tensor],
    lent: Cell<Vec<&'b mut [T]>>,
    work: Cell<Option<&'a mut Work<'c, T>>>,
}

impl<T: Real> InplaceOp1 for Lend<'_, '_, '_, T> {
    fn name(&self) -> &'static str {
        "in place"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let mut lent = self.lent.take();
        lent.push(elements_mut(storage, layout)?);
        match self.work.take() {
            Some(work) => lend(self.rest, lent, work),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use candle_core::{DType, Device};

    use super::*;

    fn tensor(values: &[f32]) -> Tensor {
        Tensor::new(values, &Device::Cpu).unwrap()
    }

    fn add(written: &[&Tensor], read: &[&Tensor]) -> Result<usize> {
        with_elements_mut::<f32, _>(written, read, |written, read| {
            let lent = written.len();
            for (written, read) in written.into_iter().zip(read) {
                for (written, read) in written.iter_mut().zip(*read) {
                    *written += read;
                }
            }
            Ok(lent)
        })
    }

    #[test]
    fn several_tensors_are_written_and_their_views_follow() {
        let (a, b) = (tensor(&[1.0, 2.0]), tensor(&[3.0, 4.0, 5.0]));
        let view = b.narrow(0, 1, 2).unwrap();
        let ones = tensor(&[1.0; 3]);
        let two = ones.narrow(0, 0, 2).unwrap();
        assert_eq!(add(&[&a, &b], &[&two, &ones]).unwrap(), 2);
        assert_eq!(a.to_vec1::<f32>().unwrap(), [2.0, 3.0]);
        assert_eq!(view.to_vec1::<f32>().unwrap(), [5.0, 6.0]);
        // A view is written only within its own bounds.
        add(&[&view], &[&two]).unwrap();
        assert_eq!(b.to_vec1::<f32>().unwrap(), [4.0, 6.0, 7.0]);
        assert_eq!(add(&[], &[&a]).unwrap(), 0);
    }

    #[test]
    fn what_cannot_be_lent_is_refused_and_stays() {
        let a = tensor(&[1.0, 2.0, 3.0, 4.0]);
        let (front, back) = (a.narrow(0, 0, 2).unwrap(), a.narrow(0, 2, 2).unwrap());
        let ones = tensor(&[1.0; 4]);
        for (written, read) in [
            (vec![&a, &ones, &a], vec![]),
            (vec![&front, &back], vec![]),
            (vec![&front], vec![&ones, &back]),
        ] {
            let message = add(&written, &read).unwrap_err().to_string();
            assert!(message.contains("shares its storage"), "{message}");
        }
        let square = a.reshape((2, 2)).unwrap();
        add(&[&square.t().unwrap()], &[&ones]).unwrap_err();
        add(&[&ones.to_dtype(DType::F64).unwrap()], &[&a]).unwrap_err();
        add(&[&ones], &[&a.to_dtype(DType::F64).unwrap()]).unwrap_err();
        assert_eq!(a.to_vec1::<f32>().unwrap(), [1.0, 2.0, 3.0, 4.0]);
        assert_eq!(ones.to_vec1::<f32>().unwrap(), [1.0; 4]);
    }
}
