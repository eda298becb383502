use super::Answer;

/// What a reader must know beside the numbers: what had not ended, and how
/// clients start.
pub(super) fn notes(answer: &Answer<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    let Some(cell) = answer.study.cells.first() else {
        return notes;
    };
    let unfinished = answer.unfinished();
    if unfinished > 0 {
        notes.push(format!(
            "{unfinished} requests had not ended when the runs did (p_unfinished.request)"
        ));
    }
    notes.push(format!(
        "{}; result hash {}",
        cell.outline.start, answer.result_hash
    ));
    notes
}
