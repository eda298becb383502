//! The states of many keys in flat arrays.

use std::sync::Arc;

use super::decision::Decision;

/// So many counts per key.
#[derive(Debug, Clone)]
pub(super) struct Cells {
    pub(super) per_key: usize,
    counts: Vec<u32>,
}

impl Cells {
    pub(super) fn new(per_key: usize, keys: usize) -> Cells {
        Cells {
            per_key,
            counts: vec![0; per_key * keys],
        }
    }

    pub(super) fn grow(&mut self, keys: usize) {
        let cells = self.per_key * keys;
        self.counts.resize(cells.max(self.counts.len()), 0);
    }

    #[inline]
    pub(super) fn of(&self, key: u32) -> &[u32] {
        let start = key as usize * self.per_key;
        &self.counts[start..start + self.per_key]
    }

    #[inline]
    pub(super) fn of_mut(&mut self, key: u32) -> &mut [u32] {
        let start = key as usize * self.per_key;
        &mut self.counts[start..start + self.per_key]
    }

    pub(super) fn clear(&mut self) {
        self.counts.fill(0);
    }

    pub(super) fn bytes_per_key(&self) -> usize {
        self.per_key * size_of::<u32>()
    }
}

/// The states of one algorithm by key, and the rule of each.
#[derive(Debug, Clone)]
pub(super) struct Keyed<R, S> {
    pub(super) rules: Vec<R>,
    /// Empty if all keys share the first rule.
    pub(super) rule_of_key: Arc<[u16]>,
    pub(super) states: Vec<S>,
}

impl<R, S: Copy + Default> Keyed<R, S> {
    pub(super) fn new(rule: R, keys: usize) -> Keyed<R, S> {
        Keyed {
            rules: vec![rule],
            rule_of_key: Arc::new([]),
            states: vec![S::default(); keys],
        }
    }

    pub(super) fn grow(&mut self, keys: usize) {
        let keys = keys.max(self.states.len());
        self.states.resize(keys, S::default());
        let tiers = self.rule_of_key.len();
        if tiers > 0 && tiers < keys {
            let more = std::iter::repeat_n(0, keys - tiers);
            self.rule_of_key = self.rule_of_key.iter().copied().chain(more).collect();
        }
    }

    #[inline]
    fn rule(&self, key: usize) -> usize {
        if self.rule_of_key.is_empty() {
            0
        } else {
            usize::from(self.rule_of_key[key])
        }
    }

    #[inline]
    pub(super) fn of(&self, key: u32) -> (&R, &S) {
        let key = key as usize;
        (&self.rules[self.rule(key)], &self.states[key])
    }

    #[inline]
    pub(super) fn of_mut(&mut self, key: u32) -> (&R, &mut S) {
        let key = key as usize;
        let rule = self.rule(key);
        (&self.rules[rule], &mut self.states[key])
    }

    /// What a judge makes of a copy of a key's state.
    pub(super) fn peek(&self, key: u32, judge: impl FnOnce(&R, &mut S) -> Decision) -> Decision {
        let (rule, state) = self.of(key);
        judge(rule, &mut { *state })
    }

    pub(super) fn reset(&mut self) {
        self.states.fill(S::default());
    }

    pub(super) fn bytes_per_key(&self) -> usize {
        let tier = if self.rule_of_key.is_empty() { 0 } else { 2 };
        size_of::<S>() + tier
    }
}
