//! Frames made from the messages' schemas to take as much memory as they can.

use ottla_protocol::schema::{Field, Struct};
use ottla_protocol::wire::Version;

/// An array in a message: the fields that lead to it from the outermost structure.
pub(crate) type Path = Vec<&'static Field>;

/// What a hostile frame does about the arrays around the one it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Around {
    /// They hold one element, and say so.
    Honest,
    /// They claim as many elements as the bytes behind could be, and end early.
    Lying,
    /// They hold one element, and everything the elements of the array can hold is in them once.
    Full,
}

impl Around {
    pub(crate) const ALL: [Self; 3] = [Self::Honest, Self::Lying, Self::Full];
}

/// Every array of a message at a version.
pub(crate) fn arrays(message: &'static Struct, v: Version) -> Vec<Path> {
    let mut found = Vec::new();
    let mut open: Vec<(Path, &'static Struct)> = vec![(Vec::new(), message)];
    while let Some((path, structure)) = open.pop() {
        for field in structure.fields {
            if !field.versions.contains(v.number) {
                continue;
            }
            let mut longer = path.clone();
            longer.push(field);
            if is_array(field) {
                found.push(longer.clone());
            }
            // No message of Kafka nests deeper; one that contains itself would never end.
            if let Some(inner) = field.structure.filter(|_| longer.len() < 8) {
                open.push((longer, inner));
            }
        }
    }
    found
}

/// A body of about `len` bytes, all of them elements of the array at `path`, each as short as it
/// can be.
pub(crate) fn body(
    message: &'static Struct,
    v: Version,
    path: &[&'static Field],
    around: Around,
    len: usize,
) -> Vec<u8> {
    let mut out = Vec::new();
    Frame { v, around, len }.structure(&mut out, message, Some(path));
    out
}

struct Frame {
    v: Version,
    around: Around,
    len: usize,
}

impl Frame {
    /// Writes a structure, with the array at `path` in it if there is a path.
    fn structure(&self, out: &mut Vec<u8>, structure: &Struct, path: Option<&[&'static Field]>) {
        let next = path.map(|path| path[0]);
        let on_path = |field: &Field| next.is_some_and(|next| next.name == field.name);
        for field in structure.fields.iter().filter(|field| field.inline_at(self.v)) {
            let path = path.filter(|_| on_path(field));
            self.field(out, field, path.map(|path| &path[1..]));
        }
        if !self.v.flexible {
            return;
        }
        let tagged = structure.fields.iter().find(|f| f.tagged_at(self.v) && on_path(f));
        let Some(field) = tagged else { return out.push(0) };
        out.push(1);
        put_uvarint(out, field.tag.unwrap());
        let mut value = Vec::new();
        self.field(&mut value, field, path.map(|path| &path[1..]));
        put_uvarint(out, u32::try_from(value.len()).unwrap());
        out.extend(value);
    }

    /// Writes a field: the shortest value, or with what lies on the path below it.
    fn field(&self, out: &mut Vec<u8>, field: &Field, below: Option<&[&'static Field]>) {
        let Some(below) = below else { return self.shortest(out, field) };
        if !is_array(field) {
            if nullable_structure(field, self.v) {
                out.push(1);
            }
            return self.structure(out, field.structure.unwrap(), Some(below));
        }
        let mut elements = Vec::new();
        let count = if below.is_empty() {
            let mut element = Vec::new();
            self.element(&mut element, field);
            let count = (self.len / element.len()).max(1);
            elements = element.repeat(count);
            count
        } else {
            self.structure(&mut elements, field.structure.unwrap(), Some(below));
            match self.around {
                Around::Honest | Around::Full => 1,
                Around::Lying => {
                    let mut one = Vec::new();
                    self.element(&mut one, field);
                    elements.len() / one.len()
                }
            }
        };
        self.count(out, count);
        out.extend(elements);
    }

    /// One element of an array.
    fn element(&self, out: &mut Vec<u8>, field: &Field) {
        match field.structure {
            Some(structure) => self.structure(out, structure, None),
            None => self.scalar(out, inner(field)),
        }
    }

    fn shortest(&self, out: &mut Vec<u8>, field: &Field) {
        let full = self.around == Around::Full;
        if is_array(field) {
            self.count(out, usize::from(full));
            if full {
                self.element(out, field);
            }
        } else if let Some(structure) = field.structure {
            if nullable_structure(field, self.v) {
                out.push(if full { 1 } else { 0xff });
                if !full {
                    return;
                }
            }
            self.structure(out, structure, None);
        } else {
            self.scalar(out, inner(field));
        }
    }

    fn scalar(&self, out: &mut Vec<u8>, ty: &str) {
        let width = match ty {
            "bool" | "i8" => 1,
            "i16" | "u16" | "ErrorCode" => 2,
            "i32" | "u32" => 4,
            "i64" | "f64" => 8,
            "Uuid" => 16,
            "String" | "Bytes" | "SecretBytes" | "Records" if self.v.flexible => {
                return out.push(1);
            }
            "String" => 2,
            "Bytes" | "SecretBytes" | "Records" => 4,
            other => panic!("a type that is not known here: {other}"),
        };
        out.resize(out.len() + width, 0);
    }

    fn count(&self, out: &mut Vec<u8>, count: usize) {
        let count = u32::try_from(count).unwrap();
        if self.v.flexible {
            put_uvarint(out, count + 1);
        } else {
            out.extend(count.to_be_bytes());
        }
    }
}

pub(crate) fn put_uvarint(out: &mut Vec<u8>, mut value: u32) {
    loop {
        let [.., low] = value.to_be_bytes();
        value >>= 7;
        if value == 0 {
            return out.push(low & 0x7f);
        }
        out.push(low | 0x80);
    }
}

/// The type within `Option` and `Vec`.
fn inner(field: &Field) -> &'static str {
    let ty = field.ty.trim();
    let ty = ty.strip_prefix("Option<").and_then(|ty| ty.strip_suffix('>')).unwrap_or(ty);
    ty.strip_prefix("Vec<").and_then(|ty| ty.strip_suffix('>')).unwrap_or(ty)
}

fn is_array(field: &Field) -> bool {
    field.ty.contains("Vec<")
}

/// Whether a byte says if the structure is there.
fn nullable_structure(field: &Field, v: Version) -> bool {
    field.ty.starts_with("Option<") && !is_array(field) && field.nullable.contains(v.number)
}
