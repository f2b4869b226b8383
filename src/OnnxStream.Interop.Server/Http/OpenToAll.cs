namespace OnnxStream.Interop.Server.Http;

/// <summary>Marks an endpoint that needs no key: it says nothing of models and jobs.</summary>
internal sealed class OpenToAll
{
    private OpenToAll()
    {
    }

    /// <summary>The mark.</summary>
    public static OpenToAll Instance { get; } = new();
}
