using Microsoft.AspNetCore.Http;

namespace OnnxStream.Interop.Server.Http;

/// <summary>Whose request it is.</summary>
internal static class Owners
{
    /// <summary>Everybody, where the server has no keys.</summary>
    public const string Local = "local";

    private static readonly object s_key = new();

    /// <summary>Says whose request it is.</summary>
    public static void SetOwner(this HttpContext context, string owner) => context.Items[s_key] = owner;

    /// <summary>Whose request it is.</summary>
    public static string Owner(this HttpContext context) => context.Items[s_key] as string ?? Local;
}
