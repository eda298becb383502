//! Memory for what comes and goes, and telling the processor what will be needed.

mod slab;

pub(crate) use slab::Slab;

/// Begins to load `items[index]` into the cache, if there is such an item, and
/// does not wait for it.
///
/// At a million devices an event's state is in main memory; asking for it some
/// events ahead takes about a sixth off the time of an event (see `benches/fleet.rs`).
/// On processors without a known instruction for it, it does nothing.
#[inline(always)]
pub(crate) fn prefetch<T>(items: &[T], index: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(item) = items.get(index) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads nothing that the program can see and faults
        // on no address; this one is that of a live item. SSE, which has the
        // instruction, is part of x86_64.
        #[expect(unsafe_code, reason = "a prefetch has no safe form")]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(item).cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (items, index);
}

#[cfg(test)]
mod tests {
    use super::prefetch;

    #[test]
    fn any_index_of_any_slice_is_safe() {
        let items = [1_u64, 2, 3];
        for index in [0, 2, 3, usize::MAX] {
            prefetch(&items, index);
            prefetch::<u8>(&[], index);
        }
        assert_eq!(items, [1, 2, 3]);
    }
}
