namespace OnnxStream.Interop.Weights;

/// <summary>Reads ranges from their files.</summary>
internal static class WeightFile
{
    /// <summary>The length of a file in bytes; of what it points to, if it is a link.</summary>
    /// <exception cref="ModelFormatException">The file cannot be opened.</exception>
    public static long LengthOf(string path)
    {
        try
        {
            // Without opening it: what is no file at all, such as a pipe, would let nobody go on. It has no length.
            FileInfo file = new(path);
            return (file.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? file).Length;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new ModelFormatException(path, $"the weight file cannot be opened: {exception.Message}", exception);
        }
    }

    /// <summary>A file as it is now, as text: its path, size and time of change.</summary>
    public static string DescribeVersion(string path)
    {
        FileInfo info = File.ResolveLinkTarget(path, returnFinalTarget: true) as FileInfo ?? new FileInfo(path);
        return $"{path}|{(info.Exists ? info.Length : -1)}|{(info.Exists ? info.LastWriteTimeUtc.Ticks : 0)}";
    }

    /// <summary>Fills <paramref name="destination"/> with the range.</summary>
    /// <exception cref="WeightsException">The file is missing, unreadable or too short.</exception>
    public static void Read(in WeightRange range, Span<byte> destination)
    {
        if (destination.Length == 0)
        {
            return;
        }

        try
        {
            using Microsoft.Win32.SafeHandles.SafeFileHandle file = File.OpenHandle(range.Path);
            int done = 0;
            while (done < destination.Length)
            {
                int count = RandomAccess.Read(file, destination[done..], range.Offset + done);
                if (count == 0)
                {
                    throw new WeightsException($"{range.Path}: weight '{range.Name}' lies at bytes {range.Offset:N0} to {range.Offset + range.Length:N0}, but the file ends at {range.Offset + done:N0}.");
                }

                done += count;
            }
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new WeightsException($"{range.Path}: weight '{range.Name}' cannot be read: {exception.Message}", exception);
        }
    }
}
