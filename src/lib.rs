//! podrules: rules that edit the Kubernetes Pod of a ClearML task before it is applied.

pub mod diagnostic;
pub mod edit;
pub mod expr;
pub mod op;
pub mod output;
pub mod path;
pub mod plan;
pub mod pod;
pub mod rules;
pub mod run;
pub mod source;
