using System.Security.Cryptography;
using System.Text;

namespace OnnxStream.Interop.Server.Http;

/// <summary>The keys of a server. Only their hashes are kept.</summary>
internal sealed class ApiKeys
{
    private readonly (byte[] Hash, string Owner)[] _keys;

    /// <summary>Takes the keys.</summary>
    /// <param name="keys">The keys; none for a server that is open to all who reach it.</param>
    public ApiKeys(IEnumerable<string> keys) => _keys = [.. keys.Select(key =>
    {
        byte[] hash = Hash(key);
        return (hash, $"key-{Convert.ToHexStringLower(hash.AsSpan(0, 6))}");
    })];

    /// <summary>Whether there are any.</summary>
    public bool Any => _keys.Length > 0;

    /// <summary>Whose key it is; null where it is none. The time that this takes does not depend on how much of a key is right, nor on which one.</summary>
    public string? FindOwner(string key)
    {
        byte[] hash = Hash(key);
        string? owner = null;
        foreach ((byte[] known, string name) in _keys)
        {
            owner = CryptographicOperations.FixedTimeEquals(known, hash) ? name : owner;
        }

        return owner;
    }

    private static byte[] Hash(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(key));
}
