//! How far one word is from another, for "did you mean". Decides nothing.

/// Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string alignment).
/// Letters are compared without regard to case. Costs `a × b` steps: callers bound the lengths.
pub(crate) fn edit_distance(a: &str, b: &str) -> usize {
    let fold = |text: &str| text.chars().flat_map(char::to_lowercase).collect::<Vec<char>>();
    let (a, b) = (fold(a), fold(b));
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let replaced = above[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut above, row);
    }
    above[b.len()]
}

#[cfg(test)]
mod tests {
    use super::edit_distance;

    #[test]
    fn counts_slips_of_the_fingers() {
        assert_eq!(edit_distance("Given", "given"), 0);
        assert_eq!(edit_distance("Gven", "Given"), 1);
        assert_eq!(edit_distance("Wehn", "When"), 1);
        assert_eq!(edit_distance("Scenaro", "Scenario"), 1);
        assert_eq!(edit_distance("", "abc"), 3);
        assert_eq!(edit_distance("Examine", "Example"), 2);
    }
}
