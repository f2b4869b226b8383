namespace OnnxStream.Interop.Gguf;

/// <summary>A list in the metadata of a GGUF file, which is read when it is asked for: vocabularies are large, and models do not need them.</summary>
/// <param name="Type">The type of its values.</param>
/// <param name="Count">How many they are.</param>
/// <param name="Offset">The first byte of the first, from the start of the file.</param>
/// <param name="Length">The bytes of all.</param>
internal sealed record GgufList(GgufType Type, int Count, long Offset, long Length);
