//! `virtual-card` as a program: between readers that behave as the stock driver does, in crowds, and killed.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

mod cards;
mod commands;
mod debian;
mod many;
mod refusals;
mod stock;
mod sudden_ends;
mod vicc;
mod virtual_reader;
