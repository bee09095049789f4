//! The runner of written scenarios. This much of it reads: feature files strictly, steps by their expression, and
//! it says what is wrong at its place. Knows nothing of any device.


pub mod diagnostic;
