using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace OnnxStream.Interop.Tests;

public class ProcessorTests
{
    [Test]
    public void InstructionSetsAreThoseThatDotnetSees()
    {
        IReadOnlyList<string> names = Processor.InstructionSets;
        Assert.That(names, Is.Unique);
        if (RuntimeInformation.ProcessArchitecture == Architecture.X64)
        {
            Assert.That(names.Contains("avx2"), Is.EqualTo(Avx2.IsSupported));
            Assert.That(names.Contains("fma3"), Is.EqualTo(Fma.IsSupported));
        }
        else
        {
            Assert.That(names, Does.Contain("neonfma"));
            Assert.That(names.Contains("neondot"), Is.EqualTo(Dp.IsSupported));
        }
    }

    [Test]
    public void MatricesAreMultipliedByTheKernelOfAnInstructionSetInUse()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.That(Processor.MatrixKernels, Is.Empty);
            return;
        }

        string instructionSet = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "neonfma" :
            Processor.InstructionSets.Contains("avx512f") ? "avx512f" : Processor.InstructionSets.Contains("fma3") ? "fma3" : Processor.InstructionSets.Contains("avx") ? "avx" : "sse";
        Assert.That(
            Processor.MatrixKernels["f32"],
            instructionSet == "avx512f" ? Is.EqualTo("onnxstream_f32_gemm_minmax_ukernel_14x32__avx512f") : Does.Match($"^xnn_f32_gemm_minmax_ukernel_[0-9x]+(s4)?__(asm_)?(aarch64_)?{instructionSet}_"));
        Assert.That(Processor.MatrixKernels["qd8_f32_qc8w"], Does.StartWith("xnn_qd8_f32_qc8w_gemm_minmax_ukernel_"));
        Assert.That(Processor.MatrixKernels.Keys, Is.SubsetOf((string[])["f32", "f16", "qd8_f32_qc8w"]));
    }
}
