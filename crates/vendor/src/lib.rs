//! Vendor clouds: what they sign, as pure functions of their inputs, and clients of their HTTP interfaces.

pub mod aliyun;
pub mod netease;
pub mod rongcloud;
pub mod text;
