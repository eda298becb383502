/// Numbered places for things that come and go; a freed place is the next to
/// be taken, so that the few in use stay in the cache.
#[derive(Debug)]
pub(crate) struct Slab<T> {
    items: Vec<T>,
    free: Vec<u32>,
}

impl<T: Copy> Slab<T> {
    pub(crate) fn new() -> Slab<T> {
        Slab {
            items: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Puts an item into a free place; `make` gets what was there before, if
    /// the place was ever used.
    #[inline]
    pub(crate) fn insert(&mut self, make: impl FnOnce(Option<&T>) -> T) -> u32 {
        match self.free.pop() {
            Some(place) => {
                let item = &mut self.items[place as usize];
                *item = make(Some(item));
                place
            }
            None => {
                self.items.push(make(None));
                self.items.len() as u32 - 1
            }
        }
    }

    /// Frees a place and returns what was there.
    #[inline]
    pub(crate) fn remove(&mut self, place: u32) -> T {
        self.free.push(place);
        self.items[place as usize]
    }

    #[inline]
    pub(crate) fn get(&self, place: u32) -> &T {
        &self.items[place as usize]
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, place: u32) -> &mut T {
        &mut self.items[place as usize]
    }

    /// How many are there.
    pub(crate) fn used(&self) -> usize {
        self.items.len() - self.free.len()
    }

    /// The bytes of all places, used and free.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(self.items.as_slice()) + size_of_val(self.free.as_slice())
    }

    /// All places, used and free.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.items.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_freed_place_is_used_next_and_shows_what_it_held() {
        let mut slab = Slab::new();
        let first = slab.insert(|_| 10);
        let second = slab.insert(|before| before.map_or(20, |_| 0));
        assert_eq!((slab.remove(first), *slab.get(second)), (10, 20));
        let third = slab.insert(|before| before.map_or(0, |value| value + 1));
        assert_eq!((third, *slab.get(third)), (first, 11));
        assert_eq!(slab.iter().count(), 2);
        assert_eq!((slab.used(), slab.bytes()), (2, 2 * size_of::<i32>()));
        slab.remove(second);
        assert_eq!(slab.used(), 1);
    }
}
