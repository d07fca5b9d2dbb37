//! Sessions: who is logged in, on which device, with which token.
