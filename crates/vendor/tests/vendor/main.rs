//! Every call of every vendor client against a server of the test's own.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod aliyun;
mod breaker;
mod limits;
mod mock;
mod netease;
mod retries;
mod rongcloud;
