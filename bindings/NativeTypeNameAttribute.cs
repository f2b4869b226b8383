using System.Diagnostics;

namespace OnnxStream.Interop.Bindings;

/// <summary>Records the C type that a generated declaration stands for; read by people, not by programs.</summary>
[AttributeUsage(AttributeTargets.All)]
[Conditional("DEBUG")]
internal sealed class NativeTypeNameAttribute(string name) : Attribute
{
    /// <summary>The type as the header spells it.</summary>
    public string Name { get; } = name;
}
