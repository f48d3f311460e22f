//! Parquet files as the hub has them, and wrong ones.

use std::io::Cursor;
use std::sync::Arc;

use autoencode::data::Images;
use image::{ExtendedColorType, ImageEncoder, codecs::png::PngEncoder};
use parquet::column::writer::ColumnWriter;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

/// The columns of the hub's MNIST.
pub const SCHEMA: &str = "message schema {
    optional group image { optional binary bytes; optional binary path (UTF8); }
    optional int64 label;
}";

/// Values of a column; `None` is a null.
pub enum Column {
    Bytes(Vec<Option<Vec<u8>>>),
    Long(Vec<Option<i64>>),
    Int(Vec<Option<i32>>),
}

/// A file of a schema, each group of rows with the columns of its leaves.
pub fn file(schema: &str, groups: Vec<Vec<Column>>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let mut writer =
        SerializedFileWriter::new(&mut bytes, schema.clone(), Default::default()).unwrap();
    let levels: Vec<i16> = writer
        .schema_descr()
        .columns()
        .iter()
        .map(|column| column.max_def_level())
        .collect();
    for columns in groups {
        let mut group = writer.next_row_group().unwrap();
        for (column, &level) in columns.into_iter().zip(&levels) {
            let mut writer = group.next_column().unwrap().unwrap();
            match (writer.untyped(), column) {
                (ColumnWriter::ByteArrayColumnWriter(writer), Column::Bytes(values)) => {
                    let (values, levels) = present(values, level);
                    let values: Vec<_> = values.into_iter().map(Into::into).collect();
                    writer.write_batch(&values, Some(&levels), None).unwrap();
                }
                (ColumnWriter::Int64ColumnWriter(writer), Column::Long(values)) => {
                    let (values, levels) = present(values, level);
                    writer.write_batch(&values, Some(&levels), None).unwrap();
                }
                (ColumnWriter::Int32ColumnWriter(writer), Column::Int(values)) => {
                    let (values, levels) = present(values, level);
                    writer.write_batch(&values, Some(&levels), None).unwrap();
                }
                _ => panic!("a column of another type than the schema says"),
            }
            writer.close().unwrap();
        }
        group.close().unwrap();
    }
    writer.close().unwrap();
    bytes
}

/// The values that are there, and the definition level of each row.
fn present<T>(values: Vec<Option<T>>, level: i16) -> (Vec<T>, Vec<i16>) {
    let levels = values
        .iter()
        .map(|value| if value.is_some() { level } else { 0 })
        .collect();
    (values.into_iter().flatten().collect(), levels)
}

/// A grey picture as PNG.
pub fn png(pixels: &[u8], width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    PngEncoder::new(&mut bytes)
        .write_image(pixels, width, height, ExtendedColorType::L8)
        .unwrap();
    bytes.into_inner()
}

/// Rows of encoded images and their labels, which a test may spoil.
#[derive(Clone)]
pub struct Rows {
    pub images: Vec<Vec<u8>>,
    pub labels: Vec<i64>,
}

impl Rows {
    /// The images in turn until there are `count` rows; see [`source`].
    pub fn of(images: &Images, count: usize) -> Self {
        let encoded: Vec<_> = (0..images.len())
            .map(|index| png(images.image(index).unwrap(), 28, 28))
            .collect();
        let sources = (0..count).map(|row| source(row, images.len()));
        let (images, labels) = sources
            .map(|index| (encoded[index].clone(), i64::from(images.labels()[index])))
            .unzip();
        Self { images, labels }
    }

    pub fn image_columns(&self) -> [Column; 2] {
        let paths = (0..self.images.len()).map(|row| Some(format!("{row}.png").into_bytes()));
        [
            Column::Bytes(self.images.iter().cloned().map(Some).collect()),
            Column::Bytes(paths.collect()),
        ]
    }

    pub fn labels(&self) -> Column {
        Column::Long(self.labels.iter().copied().map(Some).collect())
    }

    /// A file like those of the hub, in groups of 25,000 rows.
    pub fn file(&self) -> Vec<u8> {
        let group = |(images, labels): (&[Vec<u8>], &[i64])| {
            let part = Self {
                images: images.to_vec(),
                labels: labels.to_vec(),
            };
            let [bytes, path] = part.image_columns();
            vec![bytes, path, part.labels()]
        };
        let parts = self.images.chunks(25_000).zip(self.labels.chunks(25_000));
        file(SCHEMA, parts.map(group).collect())
    }
}

/// Which of `count` images a row holds: each in turn, in another order every time.
pub fn source(row: usize, count: usize) -> usize {
    (row * 7 + row / count) % count
}
