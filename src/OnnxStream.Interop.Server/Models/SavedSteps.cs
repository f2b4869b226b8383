using System.Runtime.InteropServices;
using OnnxStream.Interop.Diffusion.Schedulers;

namespace OnnxStream.Interop.Server.Models;

/// <summary>The states of the pictures of a job as bytes, for <see cref="Jobs.IJobSaves"/>.</summary>
internal static class SavedSteps
{
    // "OSS1", in the order of the file.
    private const uint Mark = 0x3153534F;

    private const int MostHistory = 16;

    /// <summary>Writes them.</summary>
    public static byte[] Write(IReadOnlyList<SamplingState> states)
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        writer.Write(Mark);
        writer.Write(states.Count);
        foreach (SamplingState state in states)
        {
            writer.Write(state.FirstStep);
            writer.Write(state.Step);
            writer.Write(state.NoiseCount);
            writer.Write(state.Sample.Length);
            writer.Write(state.History.Count);
            writer.Write(MemoryMarshal.AsBytes(state.Sample.Span));
            foreach (ReadOnlyMemory<float> item in state.History)
            {
                writer.Write(MemoryMarshal.AsBytes(item.Span));
            }
        }

        writer.Flush();
        return stream.ToArray();
    }

    /// <summary>Reads them; null where the bytes are not whole, or not of so many pictures.</summary>
    /// <param name="bytes">What <see cref="Write"/> wrote, or anything else.</param>
    /// <param name="count">The number of pictures.</param>
    public static IReadOnlyList<SamplingState>? Read(byte[] bytes, int count)
    {
        using MemoryStream stream = new(bytes, writable: false);
        using BinaryReader reader = new(stream);
        try
        {
            if (reader.ReadUInt32() != Mark || reader.ReadInt32() != count)
            {
                return null;
            }

            List<SamplingState> states = [];
            for (int i = 0; i < count; i++)
            {
                int firstStep = reader.ReadInt32(), step = reader.ReadInt32(), noiseCount = reader.ReadInt32(), length = reader.ReadInt32(), history = reader.ReadInt32();

                // Noise that was drawn is drawn again, so a number that makes no sense would take for ever.
                bool isOfAState = firstStep >= 0 && step >= firstStep && noiseCount >= 0 && noiseCount <= 4L * (step - firstStep + 1) && length > 0 && history is >= 0 and <= MostHistory;
                if (!isOfAState || stream.Length - stream.Position < (history + 1L) * length * sizeof(float))
                {
                    return null;
                }

                states.Add(new SamplingState(firstStep, step, Numbers(reader, length), [.. Enumerable.Range(0, history).Select(_ => (ReadOnlyMemory<float>)Numbers(reader, length))], noiseCount));
            }

            return states;
        }
        catch (EndOfStreamException)
        {
            return null;
        }
    }

    private static float[] Numbers(BinaryReader reader, int length)
    {
        float[] numbers = new float[length];
        reader.BaseStream.ReadExactly(MemoryMarshal.AsBytes(numbers.AsSpan()));
        return numbers;
    }
}
