namespace OnnxStream.Interop;

/// <summary>How far a download is.</summary>
/// <param name="Name">The file whose bytes have just come.</param>
/// <param name="Bytes">The bytes that are here, of all files, those of earlier downloads included.</param>
/// <param name="TotalBytes">The bytes of all files; of those that a server says nothing of, as many as have come.</param>
public readonly record struct DownloadProgress(string Name, long Bytes, long TotalBytes);
