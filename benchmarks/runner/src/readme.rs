//! A table between two marks of a file.

use std::path::Path;

use anyhow::Context;

const BEGIN: &str = "<!-- benchmarks/run.sh writes this -->";
const END: &str = "<!-- to here -->";

/// Puts `table` between the marks.
pub fn replace(file: &Path, table: &str) -> anyhow::Result<()> {
    let old = std::fs::read_to_string(file)?;
    let new = replaced(&old, table).with_context(|| format!("{} has no marks", file.display()))?;
    Ok(std::fs::write(file, new)?)
}

fn replaced(old: &str, table: &str) -> Option<String> {
    let (before, rest) = old.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{}\n\n{END}{after}", table.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_between_the_marks_is_replaced() {
        let old = format!("a\n{BEGIN}\nold\n{END}\nb\n");
        let new = replaced(&old, "new\n").unwrap();
        assert_eq!(new, format!("a\n{BEGIN}\n\nnew\n\n{END}\nb\n"));
        assert_eq!(replaced(&new, "new").as_ref(), Some(&new));
        assert_eq!(replaced("a", "new"), None);
    }
}
