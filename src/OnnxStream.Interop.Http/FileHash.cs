using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace OnnxStream.Interop.Http;

/// <summary>The hash of bytes that come one after another: SHA-256, or the name that git gives a file, which is a SHA-1 that begins with its length.</summary>
internal sealed class FileHash
{
    private readonly bool _isGit;
    private readonly IncrementalHash _hash;

    /// <summary>Begins with no bytes.</summary>
    /// <param name="file">Says which hash it is.</param>
    [SuppressMessage("Security", "CA5350", Justification = "Hubs know small files by git's names, which are SHA-1. What they guard against is damage on the way.")]
    public FileHash(DownloadFile file)
    {
        _isGit = file.Hash is { Length: 40 } && file.Length is not null;
        _hash = IncrementalHash.CreateHash(_isGit ? HashAlgorithmName.SHA1 : HashAlgorithmName.SHA256);
        if (_isGit)
        {
            _hash.AppendData(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"blob {file.Length}\0")));
        }
    }

    /// <summary>Adds bytes.</summary>
    public void Add(ReadOnlySpan<byte> bytes) => _hash.AppendData(bytes);

    /// <summary>Adds all bytes of a file, which is at its end afterwards.</summary>
    public async Task AddAsync(Stream file, CancellationToken cancellationToken)
    {
        byte[] buffer = new byte[1 << 20];
        file.Position = 0;
        int count = 0;
        for (long left = file.Length; left > 0; left -= count)
        {
            count = await file.ReadAsync(buffer.AsMemory(0, (int)Math.Min(buffer.Length, left)), cancellationToken).ConfigureAwait(false);
            if (count == 0)
            {
                throw new EndOfStreamException("The file became shorter while it was read.");
            }

            _hash.AppendData(buffer, 0, count);
        }
    }

    /// <summary>The hash, in hexadecimal digits.</summary>
    public string Finish() => Convert.ToHexStringLower(_hash.GetHashAndReset());
}
