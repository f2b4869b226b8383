using Microsoft.AspNetCore.Http;

namespace OnnxStream.Interop.Server.Http;

/// <summary>Whether somebody has read the body of a request.</summary>
internal static class ReadBodies
{
    private static readonly object s_key = new();

    /// <summary>Says that the body has been read, all of it.</summary>
    public static void SetBodyRead(this HttpContext context) => context.Items[s_key] = true;

    /// <summary>Whether the body has been read.</summary>
    public static bool IsBodyRead(this HttpContext context) => context.Items.ContainsKey(s_key);
}
