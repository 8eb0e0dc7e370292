//! Edits of definitions as a whole: names, versions, codecs.
