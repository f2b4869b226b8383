namespace OnnxStream.Interop.Operators;

/// <summary>The least and the greatest result of a node; what is outside becomes the nearer one.</summary>
internal readonly record struct ResultLimits(float Low, float High)
{
    /// <summary>Any result.</summary>
    public static ResultLimits None { get; } = new(float.NegativeInfinity, float.PositiveInfinity);
}
