namespace OnnxStream.Interop.Panels;

/// <summary>The geometry of a two-dimensional convolution or pooling.</summary>
internal readonly record struct ConvolutionParameters
{
    /// <summary>No padding, no limits.</summary>
    public ConvolutionParameters()
    {
    }

    /// <summary>Rows of padding above.</summary>
    public int PaddingTop { get; init; }

    /// <summary>Columns of padding at the right.</summary>
    public int PaddingRight { get; init; }

    /// <summary>Rows of padding below.</summary>
    public int PaddingBottom { get; init; }

    /// <summary>Columns of padding at the left.</summary>
    public int PaddingLeft { get; init; }

    /// <summary>Height of the kernel.</summary>
    public int KernelHeight { get; init; }

    /// <summary>Width of the kernel.</summary>
    public int KernelWidth { get; init; }

    /// <summary>Rows between two applications of the kernel.</summary>
    public int StrideHeight { get; init; }

    /// <summary>Columns between two applications of the kernel.</summary>
    public int StrideWidth { get; init; }

    /// <summary>Rows between two elements of the kernel.</summary>
    public int DilationHeight { get; init; }

    /// <summary>Columns between two elements of the kernel.</summary>
    public int DilationWidth { get; init; }

    /// <summary>Groups of channels that are computed apart.</summary>
    public int Groups { get; init; }

    /// <summary>The least result; what would be less becomes it.</summary>
    public float Low { get; init; } = float.NegativeInfinity;

    /// <summary>The greatest result; what would be more becomes it.</summary>
    public float High { get; init; } = float.PositiveInfinity;

    /// <summary>Whether each pixel of the output comes from one pixel of the input alone, the one at its place.</summary>
    public bool IsPointwise => this is
    {
        KernelHeight: 1, KernelWidth: 1, StrideHeight: 1, StrideWidth: 1, PaddingTop: 0, PaddingRight: 0, PaddingBottom: 0, PaddingLeft: 0, Groups: 1,
    };

    /// <summary>The rows of the output of a convolution.</summary>
    public long OutputHeight(long inputHeight) => (inputHeight + PaddingTop + PaddingBottom - DilationHeight * (KernelHeight - 1) - 1) / StrideHeight + 1;

    /// <summary>The columns of the output of a convolution.</summary>
    public long OutputWidth(long inputWidth) => (inputWidth + PaddingLeft + PaddingRight - DilationWidth * (KernelWidth - 1) - 1) / StrideWidth + 1;
}
