/// What the authors of one kind of text know, and its types do not tell, that
/// helps whoever got one wrong.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hints {
    /// What may be missing around a form, before and after it.
    pub wrapped: &'static [(&'static str, &'static str)],
    /// Names under which the content of a form may be meant.
    pub renamed: &'static [&'static str],
    /// Words that belong elsewhere, and what they are.
    pub elsewhere: (&'static [&'static str], &'static str),
    /// Fields that name an entry of a list.
    pub references: &'static [Reference],
    /// How a number with a unit is written, with `{}` for the number.
    pub with_unit: &'static str,
}

/// A field that names an entry of a list.
#[derive(Debug, Clone, Copy)]
pub struct Reference {
    /// The field.
    pub field: &'static str,
    /// The list.
    pub list: &'static str,
    /// What an entry is.
    pub what: &'static str,
}
