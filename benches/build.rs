//! Compiles the wire schema of the real-time protocol for the IM client.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=../server/proto/realtime.proto");
    let files = protox::compile(["realtime.proto"], ["../server/proto"])?;
    prost_build::Config::new().bytes(["."]).compile_fds(files)?;
    Ok(())
}
