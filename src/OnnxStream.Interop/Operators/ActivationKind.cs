namespace OnnxStream.Interop.Operators;

/// <summary>The activations that rewrites find and that kernels apply to their results.</summary>
internal enum ActivationKind
{
    /// <summary>x * sigmoid(x).</summary>
    Silu,

    /// <summary>GELU by the error function.</summary>
    Gelu,

    /// <summary>GELU approximated by tanh.</summary>
    GeluTanh,

    /// <summary>GELU approximated by a sigmoid.</summary>
    QuickGelu,
}
