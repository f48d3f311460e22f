//! Compiles the CUDA kernels of builds with the feature `cuda`, by nvcc, to PTX.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    #[cfg(feature = "cuda")]
    {
        println!("cargo::rerun-if-changed=src/engine/cuda/kernels");
        println!("cargo::rerun-if-env-changed=CUDA_COMPUTE_CAP");
        let out = std::path::PathBuf::from(std::env::var("OUT_DIR")?);
        cudaforge::KernelBuilder::new()
            .source_dir("src/engine/cuda/kernels")
            .watch(
                [
                    "card.cuh",
                    "generated.cuh",
                    "instructions.cuh",
                    "product.cuh",
                ]
                .map(|name| format!("src/engine/cuda/kernels/{name}")),
            )
            .arg("-std=c++17")
            .arg("-O3")
            .build_ptx()?
            .write(out.join("kernels.rs"))?;
    }
    Ok(())
}
