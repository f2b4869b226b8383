using OnnxStream.Interop.Native;

namespace OnnxStream.Interop;

/// <summary>What XNNPACK makes of this machine's processor: it looks at it when it starts, and chooses its kernels.</summary>
public static class Processor
{
    // XNNPACK's names of element types, from the most to the least exact.
    private static readonly string[] s_types = ["f32", "f16", "qd8_f32_qc8w"];

    private static readonly Lazy<IReadOnlyList<string>> s_instructionSets = new(XnnpackLibrary.ReadInstructionSets);

    private static readonly Lazy<IReadOnlyDictionary<string, string>> s_matrixKernels = new(() => s_types
        .Select(type => (Type: type, Kernel: XnnpackLibrary.ReadMatrixKernel(type)))
        .Where(pair => pair.Kernel is not null)
        .ToDictionary(pair => pair.Type, pair => pair.Kernel!));

    /// <summary>The instruction sets in use, such as <c>neonfma</c>, <c>neondot</c> or <c>avx2</c>: what the processor has and XNNPACK has kernels for.</summary>
    /// <exception cref="XnnpackException">The processor lacks what XNNPACK needs at least.</exception>
    public static IReadOnlyList<string> InstructionSets => s_instructionSets.Value;

    /// <summary>
    /// The micro-kernels that multiply matrices, where most time goes: by element type as XNNPACK names it (<c>f32</c>, <c>f16</c>, and
    /// <c>qd8_f32_qc8w</c> for weights of 8 bits). A type is missing where this processor has no kernel for it. Empty on Windows and
    /// macOS, whose object formats cannot tell.
    /// </summary>
    /// <exception cref="XnnpackException">The processor lacks what XNNPACK needs at least.</exception>
    public static IReadOnlyDictionary<string, string> MatrixKernels => s_matrixKernels.Value;
}
