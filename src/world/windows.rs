use crate::scenario::DayWindow;
use crate::units::{Span, Time, Zone};

/// The windows of the day that a scenario asks about, and the measured span
/// cut into *segments* by them: what happens in one segment lies in the same
/// windows, so that counts per segment add up to those of every window and of
/// the whole span.
#[derive(Debug, Clone)]
pub struct Windows {
    /// The windows.
    pub names: Vec<DayWindow>,
    /// For each segment the windows that it lies in, as a set of bits.
    pub segments: Vec<u32>,
    /// When which segment begins: the first at the start of the measured span.
    pub marks: Vec<(Time, u16)>,
    /// How long each segment is in all.
    pub lengths: Vec<Span>,
}

impl Windows {
    /// The segments of [`from`, `until`).
    pub fn new(names: Vec<DayWindow>, zone: &Zone, from: Time, until: Time) -> Windows {
        let mut edges = vec![from];
        let mut spans = Vec::new();
        for (number, window) in names.iter().enumerate() {
            for (begin, end) in window.spans(zone, from, until) {
                edges.extend([begin, end]);
                spans.push((begin, end, 1_u32 << number));
            }
        }
        edges.sort_unstable();
        edges.dedup();
        spans.sort_unstable();
        let mut windows = Windows {
            names,
            segments: Vec::new(),
            marks: Vec::new(),
            lengths: Vec::new(),
        };
        let mut under_way: Vec<(Time, Time, u32)> = Vec::new();
        let mut coming = spans.into_iter().peekable();
        for (index, edge) in edges.iter().enumerate().filter(|(_, edge)| **edge < until) {
            under_way.retain(|(_, end, _)| end > edge);
            while let Some(span) = coming.next_if(|(begin, _, _)| begin <= edge) {
                under_way.push(span);
            }
            let set = under_way.iter().fold(0, |set, (_, _, bit)| set | bit);
            let next = edges.get(index + 1).map_or(until, |next| *next);
            windows.add(*edge, next.since(*edge), set);
        }
        windows
    }

    fn add(&mut self, from: Time, length: Span, set: u32) {
        let known = self.segments.iter().position(|other| *other == set);
        let segment = known.unwrap_or_else(|| {
            self.segments.push(set);
            self.lengths.push(Span::ZERO);
            self.segments.len() - 1
        });
        self.lengths[segment] = self.lengths[segment] + length;
        self.marks.push((from, segment as u16));
    }

    /// The segments that lie in a window, or all of them.
    pub fn segments_of(&self, window: Option<usize>) -> impl Iterator<Item = usize> + '_ {
        let wanted = window.map_or(0, |window| 1_u32 << window);
        (0..self.segments.len()).filter(move |segment| self.segments[*segment] & wanted == wanted)
    }

    /// The length of a window within the measured span, or of all of it.
    pub fn length(&self, window: Option<usize>) -> Span {
        self.segments_of(window)
            .fold(Span::ZERO, |sum, segment| sum + self.lengths[segment])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_span_is_cut_where_windows_begin_and_end() {
        let hour = |hours: u64| Time::from_secs(hours * 3600);
        let names = ["01:00..03:00", "02:00..04:00"].map(|text| text.parse().unwrap());
        let windows = Windows::new(names.to_vec(), &Zone::default(), hour(24), hour(72));
        // Outside, in the first, in both, in the second; the same on both days.
        assert_eq!(windows.segments, [0, 1, 3, 2]);
        let marks: Vec<(u64, u16)> = windows
            .marks
            .iter()
            .map(|(time, segment)| (time.nanos() / 3_600_000_000_000, *segment))
            .collect();
        assert_eq!(
            marks,
            [
                (24, 0),
                (25, 1),
                (26, 2),
                (27, 3),
                (28, 0),
                (49, 1),
                (50, 2),
                (51, 3),
                (52, 0)
            ]
        );
        let hours = |window| windows.length(window).nanos() / 3_600_000_000_000;
        assert_eq!((hours(None), hours(Some(0)), hours(Some(1))), (48, 4, 4));
        assert_eq!(windows.segments_of(Some(1)).collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn without_windows_all_is_one_segment() {
        let (from, until) = (Time::from_secs(5), Time::from_secs(9));
        let windows = Windows::new(Vec::new(), &Zone::default(), from, until);
        assert_eq!(windows.marks, [(from, 0)]);
        assert_eq!(windows.length(None), Span::from_secs(4));
    }
}
