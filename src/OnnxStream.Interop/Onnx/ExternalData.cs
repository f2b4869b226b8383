using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Onnx;

/// <summary>Finds where the data of a tensor lies when it is not in the message, and refuses places that a model must not name.</summary>
/// <remarks>
/// A model is somebody else's file: without these checks it could make this process read any file of its user (an absolute
/// path, "..", a link). https://onnx.ai/onnx/repo-docs/ExternalData.html
/// </remarks>
internal sealed class ExternalData(string modelPath)
{
    // As Linux allows.
    private const int MaximumLinks = 40;

    private readonly string _folder = Path.GetDirectoryName(modelPath)!;
    private readonly Dictionary<string, (string Path, long Length)> _files = [];

    /// <summary>The range of a tensor's data.</summary>
    /// <param name="tensor">A tensor whose data location is EXTERNAL.</param>
    /// <param name="byteLength">What its type and shape ask for.</param>
    /// <exception cref="ModelFormatException">The place is not allowed, or the file is missing or too short.</exception>
    public WeightRange Locate(TensorProto tensor, long byteLength)
    {
        string? location = null;
        long offset = 0;
        long length = byteLength;
        foreach (StringStringEntryProto entry in tensor.ExternalData)
        {
            switch (entry.Key)
            {
                case "location":
                    location = entry.Value;
                    break;
                case "offset":
                    offset = ParseNumber(tensor, entry);
                    break;
                case "length":
                    length = ParseNumber(tensor, entry);
                    break;
            }
        }

        (string path, long fileLength) = Resolve(tensor, location);
        if (length != byteLength)
        {
            throw new ModelFormatException(modelPath, $"the tensor '{tensor.Name}' needs {byteLength:N0} bytes, but its data is said to have {length:N0}.");
        }

        if (offset > fileLength - length)
        {
            throw new ModelFormatException(path, $"the data of tensor '{tensor.Name}' should lie at bytes {offset:N0} to {(ulong)offset + (ulong)length:N0}, but the file has {fileLength:N0} bytes. The file is truncated or belongs to another model.");
        }

        return new WeightRange(tensor.Name, path, offset, length);
    }

    private long ParseNumber(TensorProto tensor, StringStringEntryProto entry) =>
        long.TryParse(entry.Value, out long value) && value >= 0 ? value :
        throw new ModelFormatException(modelPath, $"the tensor '{tensor.Name}' has the external-data {entry.Key} '{entry.Value}', which is not a number of bytes.");

    private (string Path, long Length) Resolve(TensorProto tensor, string? location)
    {
        if (string.IsNullOrEmpty(location))
        {
            throw new ModelFormatException(modelPath, $"the tensor '{tensor.Name}' has external data without a location.");
        }

        if (_files.TryGetValue(location, out (string, long) known))
        {
            return known;
        }

        string path = modelPath;
        if (location != OnnxScanner.SelfLocation)
        {
            string relative = location.Replace('\\', '/');
            if (Path.IsPathRooted(relative) || relative.Contains('\0', StringComparison.Ordinal) || relative.Contains(':', StringComparison.Ordinal) || relative.Split('/').Contains(".."))
            {
                throw new ModelFormatException(modelPath, $"the tensor '{tensor.Name}' names the file '{location}', which leaves the model's folder. Only files inside of it are read.");
            }

            path = Path.GetFullPath(Path.Combine(_folder, relative));
            RefuseLinks(tensor, location, relative);
            if (!File.Exists(path))
            {
                throw new ModelFormatException(modelPath, $"the tensor '{tensor.Name}' lies in '{path}', which does not exist. Copy the file to where the model is.");
            }
        }

        (string, long) found = (path, WeightFile.LengthOf(path));
        _files.Add(location, found);
        return found;
    }

    // Follows links part by part, as the operating system does: a link may lead to a link.
    private void RefuseLinks(TensorProto tensor, string location, string relative)
    {
        List<string> inside = [];
        Stack<string> parts = new(relative.Split('/').Reverse());
        int links = 0;
        while (parts.TryPop(out string? part))
        {
            if (part is "" or ".")
            {
                continue;
            }

            if (part == "..")
            {
                if (inside.Count == 0)
                {
                    throw Outside();
                }

                inside.RemoveAt(inside.Count - 1);
                continue;
            }

            string path = Path.Combine([_folder, .. inside, part]);
            if (new FileInfo(path).LinkTarget is not { } target)
            {
                inside.Add(part);
                continue;
            }

            if (++links > MaximumLinks)
            {
                throw new ModelFormatException(modelPath, $"the tensor '{tensor.Name}' names the file '{location}', which is a chain of more than {MaximumLinks} links.");
            }

            if (Path.IsPathRooted(target))
            {
                string root = Path.EndsInDirectorySeparator(_folder) ? _folder : _folder + Path.DirectorySeparatorChar;
                target = target.StartsWith(root, StringComparison.Ordinal) ? target[root.Length..] : throw Outside();
                inside.Clear();
            }

            foreach (string next in target.Replace('\\', '/').Split('/').Reverse())
            {
                parts.Push(next);
            }
        }

        ModelFormatException Outside() =>
            new(modelPath, $"the tensor '{tensor.Name}' names the file '{location}', which a link leads outside of the model's folder. Only files inside of it are read.");
    }
}
