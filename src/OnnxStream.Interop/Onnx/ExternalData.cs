using System.Globalization;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Onnx;

/// <summary>Finds where the data of a tensor lies when it is not in the message. https://onnx.ai/onnx/repo-docs/ExternalData.html</summary>
/// <remarks>A model is somebody else's file. Which names it may use is for <see cref="ModelFiles"/> to say, and where links in a folder may lead for <see cref="FolderFiles"/>.</remarks>
internal sealed class ExternalData(ModelEntry model)
{
    private readonly Dictionary<string, (WeightSource Source, long Length)> _sources = [];

    /// <summary>The range of a tensor's data.</summary>
    /// <param name="tensor">A tensor whose data location is EXTERNAL.</param>
    /// <param name="byteLength">What its type and shape ask for.</param>
    /// <exception cref="ModelFormatException">The place is not allowed, or the file is missing or too short.</exception>
    /// <exception cref="WeightsException">The file cannot be opened.</exception>
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

        (WeightSource source, long sourceLength) = Resolve(tensor, location);
        if (length != byteLength)
        {
            throw new ModelFormatException(model.Id, $"the tensor '{tensor.Name}' needs {byteLength:N0} bytes, but its data is said to have {length:N0}.");
        }

        if (offset > sourceLength - length)
        {
            throw new ModelFormatException(source.Id, $"the data of tensor '{tensor.Name}' should lie at bytes {offset:N0} to {(ulong)offset + (ulong)length:N0}, but the file has {sourceLength:N0} bytes. The file is truncated or belongs to another model.{ForeignFile.Pointer(source)}");
        }

        return new WeightRange(tensor.Name, source, offset, length);
    }

    private long ParseNumber(TensorProto tensor, StringStringEntryProto entry) =>
        long.TryParse(entry.Value, NumberStyles.Integer, CultureInfo.InvariantCulture, out long value) && value >= 0 ? value :
        throw new ModelFormatException(model.Id, $"the tensor '{tensor.Name}' has the external-data {entry.Key} '{entry.Value}', which is not a number of bytes.");

    private (WeightSource Source, long Length) Resolve(TensorProto tensor, string? location)
    {
        if (string.IsNullOrEmpty(location))
        {
            throw new ModelFormatException(model.Id, $"the tensor '{tensor.Name}' has external data without a location.");
        }

        if (!_sources.TryGetValue(location, out (WeightSource Source, long Length) known))
        {
            WeightSource source = location == OnnxScanner.SelfLocation ? model.Source : Find(tensor, location) ??
                throw new ModelFormatException(model.Id, $"the tensor '{tensor.Name}' lies in '{location}', which does not exist in '{model.FolderId}'. Copy the file to where the model is.");
            known = (source, source.CheckedLength());
            _sources.Add(location, known);
        }

        return known;
    }

    private WeightSource? Find(TensorProto tensor, string location)
    {
        try
        {
            return model.Find(location);
        }
        catch (ModelFormatException exception)
        {
            throw new ModelFormatException(model.Id, $"the tensor '{tensor.Name}' lies in '{location}', which is not read. {exception.Message}", exception);
        }
    }
}
