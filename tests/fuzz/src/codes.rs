//! Files of codes: which kind, is told from the first bytes.

use autoencode::Result;
use autoencode::codes::{Reader, survey};

use super::{check_refusal, file};

/// Of one code.
const SHAPE: [usize; 2] = [2, 1];

/// A file that is read to its end has as many codes as were counted, and each can be had by its number.
pub fn run(input: &[u8]) {
    let name = match input {
        [0x93, ..] => "codes.npy",
        // The upper bytes of the header's length, which text has not.
        [_, _, _, 0, 0, 0, 0, 0, ..] => "codes.safetensors",
        _ => "codes.csv",
    };
    let path = file(name, input);
    let read = || -> Result<usize> {
        let mut reader = Reader::open(&path, &SHAPE)?;
        let mut count = 0;
        while let Some(rows) = reader.read(3)? {
            let [read, 2, 1] = *rows.codes.dims() else {
                panic!("codes of shape {:?}", rows.codes.dims());
            };
            assert!((1..=3).contains(&read));
            let values: Vec<f32> = rows.codes.flatten_all()?.to_vec1()?;
            assert!(values.iter().all(|value| value.is_finite()));
            assert!(rows.files.is_empty() || rows.files.len() == read);
            count += read;
        }
        Ok(count)
    };
    match (read(), survey(&path, &SHAPE)) {
        (Ok(0), Err(error)) => check_refusal(&error, &path),
        (Ok(count), Ok(survey)) => {
            assert_eq!(survey.count, count);
            assert!(survey.files.is_none_or(|files| files.len() == count));
            let row = |row: usize| Reader::open(&path, &SHAPE)?.row(row as u64);
            assert_eq!(row(count - 1).unwrap().dims(), [1, 2, 1]);
            check_refusal(&row(count).unwrap_err(), &path);
        }
        (Err(error), Err(other)) => {
            // Of several faults, which is met first depends on how many rows are read at once.
            check_refusal(&error, &path);
            check_refusal(&other, &path);
        }
        (read, survey) => panic!("{read:?}, but a survey gives {survey:?}"),
    }
}
