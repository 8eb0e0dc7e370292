//! Mistakes with the class of an error type.
use flows::prelude::*;

#[derive(Debug, ErrorClass)]
enum GatewayError {
    #[error_class(terminl)]
    Declined,
    #[error_class(terminal, retryable)]
    NoAnswer,
    #[error_class(terminal_if = Self::is_final)]
    Closed,
}

#[derive(Debug, ErrorClass)]
#[error_class(terminal_if)]
struct Refused<T>(T);

#[derive(Debug, ErrorClass)]
struct NoError;

fn main() {}
