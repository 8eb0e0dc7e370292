//! Table tests of the machine.
