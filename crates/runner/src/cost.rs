//! The cost of a run in time and money, on this machine, on AWS, and at outside services.

pub mod aws;
pub mod local;
pub mod prices;
