//! Tokens of vendor clouds, as pure functions of their inputs: nothing here calls out.

pub mod aliyun;
