//! The generator of sample workbooks.
