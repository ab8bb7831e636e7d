//! What is held against what.

use std::collections::{BTreeMap, BTreeSet};

use super::{Known, Outcome, TOLD};

/// Holds what each listener of a group heard against what is known to have been said.
pub(super) fn judge(acknowledged: &[Known], heard: &[Vec<Known>], out: &mut Outcome) {
    let mut truth: BTreeMap<u64, u64> = BTreeMap::new();
    let all = heard.iter().flatten().filter(|(seqnum, _)| *seqnum != TOLD);
    for (seqnum, n) in acknowledged.iter().chain(all) {
        if *truth.entry(*seqnum).or_insert(*n) != *n {
            out.wrong += 1;
        }
    }
    // One text under two numbers: a message that was carried out twice.
    out.doubled += (truth.len() - truth.values().collect::<BTreeSet<_>>().len()) as u64;
    for heard in heard {
        let (mut before, mut told, mut seen) = (0, false, BTreeSet::new());
        for (seqnum, _) in heard {
            if *seqnum == TOLD {
                told = true;
                continue;
            }
            out.heard += 1;
            if !seen.insert(*seqnum) {
                out.doubled += 1;
            } else if *seqnum < before {
                out.reordered += 1;
            } else if !told {
                out.silent_gaps += truth.range(before + 1..*seqnum).count() as u64;
            }
            before = before.max(*seqnum);
            told = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_count_unless_they_were_told() {
        let acknowledged: Vec<Known> = (1..=6).map(|n| (n, n)).collect();
        let mut out = Outcome::default();
        judge(&acknowledged, &[vec![(1, 1), (2, 2), (TOLD, 0), (5, 5), (6, 6)]], &mut out);
        assert!(out.good() && out.heard == 4);
        judge(&acknowledged, &[vec![(1, 1), (3, 3), (2, 2), (3, 3), (6, 6)]], &mut out);
        assert_eq!((out.silent_gaps, out.reordered, out.doubled), (3, 1, 1));
        judge(&[(1, 1), (2, 1)], &[vec![(1, 9)]], &mut out);
        assert_eq!((out.wrong, out.doubled), (1, 2));
    }
}
