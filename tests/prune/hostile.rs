//! Somebody who means harm, or merely comes at the worst moment: nothing that lives, and nothing outside, is ever touched.

mod bound;
mod held;
mod records;
mod swapped;
