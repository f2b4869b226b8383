using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Panels;

/// <summary>A layer that computes with panels of a weight, and can pack them.</summary>
internal unsafe interface IPanelLayer
{
    /// <summary>
    /// Everything that packed bytes depend on, as text: the weight, the division into panels and the layout of the kernel that computes with
    /// them. Null if a weight or a bias is not constant. Neither the shapes of the data nor the number of threads are in it.
    /// </summary>
    string? Identity { get; }

    /// <summary>The name of the weight in its model; null if it is not constant.</summary>
    string? WeightName { get; }

    /// <summary>How the panels are packed and stored.</summary>
    PanelFormat Format { get; }

    /// <summary>The number of panels.</summary>
    int PanelCount { get; }

    /// <summary>How many panels, one after the other and of one size, are packed together because they are made of the same weights.</summary>
    int PanelsAtOnce => 1;

    /// <summary>Bytes of scratch memory that <see cref="Pack"/> needs.</summary>
    long PackScratchBytes { get; }

    /// <summary>The constant bias; null if there is none.</summary>
    Constant? Bias { get; }

    /// <summary>The ranges of unpacked weights: one for each <see cref="PanelsAtOnce"/>, or one for all.</summary>
    IReadOnlyList<WeightRange> UnpackedWeights { get; }

    /// <summary>The weight, if panels are made from parts of it instead of ranges.</summary>
    WeightRange? PartlyRead { get; }

    /// <summary>The size of a packed panel in bytes.</summary>
    long PackedBytes(int panel);

    /// <summary>Packs <see cref="PanelsAtOnce"/> panels.</summary>
    /// <param name="panel">The number of the first.</param>
    /// <param name="source">Their range of <see cref="UnpackedWeights"/>, or the only one.</param>
    /// <param name="bias">The biases of all output channels, or null.</param>
    /// <param name="scratch">Memory of <see cref="PackScratchBytes"/>.</param>
    /// <param name="reader">Reads the weight if it is <see cref="PartlyRead"/>; <paramref name="source"/> is null then.</param>
    /// <param name="destination">Receives <see cref="PackedBytes"/> for each panel; 64-byte aligned.</param>
    void Pack(int panel, byte* source, float* bias, byte* scratch, byte* destination, WeightReader? reader);
}
