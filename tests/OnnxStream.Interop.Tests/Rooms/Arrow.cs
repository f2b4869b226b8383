namespace OnnxStream.Interop.Tests.Rooms;

/// <summary>One room uses something of another one.</summary>
internal readonly record struct Arrow(string From, string To)
{
    public override string ToString() => $"{From} -> {To}";
}
