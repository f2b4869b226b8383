using System.Runtime.InteropServices;
using System.Text;

namespace OnnxStream.Interop.Tests.Bindings;

/// <summary>Reads which functions a 64-bit little-endian ELF library exports.</summary>
internal static class ElfDynamicSymbols
{
    private const uint DynamicSymbols = 11;

    /// <summary>The names of all functions that are defined and visible.</summary>
    public static IEnumerable<string> ExportedFunctions(string path)
    {
        byte[] file = File.ReadAllBytes(path);
        if (!file.AsSpan().StartsWith("\u007FELF\u0002\u0001"u8))
        {
            throw new InvalidDataException($"{path} is not a 64-bit little-endian ELF file.");
        }

        // Elf64_Ehdr: e_shoff, e_shentsize, e_shnum. Elf64_Shdr: sh_type, sh_offset, sh_size, sh_link.
        long sections = BitConverter.ToInt64(file, 0x28);
        int sectionSize = BitConverter.ToUInt16(file, 0x3A);
        int sectionCount = BitConverter.ToUInt16(file, 0x3C);
        for (int i = 0; i < sectionCount; i++)
        {
            int section = (int)(sections + i * sectionSize);
            if (BitConverter.ToUInt32(file, section + 4) == DynamicSymbols)
            {
                int names = (int)BitConverter.ToInt64(file, (int)(sections + BitConverter.ToUInt32(file, section + 0x28) * sectionSize) + 0x18);
                return Read(file, (int)BitConverter.ToInt64(file, section + 0x18), (int)BitConverter.ToInt64(file, section + 0x20), names);
            }
        }

        throw new InvalidDataException($"{path} has no dynamic symbols.");
    }

    private static List<string> Read(byte[] file, int offset, int size, int names)
    {
        List<string> functions = [];
        foreach (ref readonly Symbol symbol in MemoryMarshal.Cast<byte, Symbol>(file.AsSpan(offset, size)))
        {
            bool isFunction = (symbol.Info & 0xF) == 2;
            bool isGlobal = symbol.Info >> 4 is 1 or 2;
            bool isVisible = (symbol.Other & 3) == 0;
            if (isFunction && isGlobal && isVisible && symbol.Section != 0)
            {
                int start = names + (int)symbol.Name;
                functions.Add(Encoding.ASCII.GetString(file, start, Array.IndexOf(file, (byte)0, start) - start));
            }
        }

        return functions;
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly struct Symbol
    {
        public readonly uint Name;
        public readonly byte Info;
        public readonly byte Other;
        public readonly ushort Section;
        public readonly ulong Value;
        public readonly ulong Size;
    }
}
